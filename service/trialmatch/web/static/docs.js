// The page of the API: Swagger UI over this service's own document.
const place = document.getElementById("api");
window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  validatorUrl: null, // nothing is sent elsewhere
  supportedSubmitMethods: ["get", "post", "put"],
});
