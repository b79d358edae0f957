// The page of the API: Swagger UI over this service's own document.
const place = document.getElementById("api");

/** Swagger UI names its fields for the eye only; who listens is told the name of the parameter as well. */
function named() {
  for (const field of place.querySelectorAll("tr[data-param-name] :is(input, select, textarea):not([aria-label])")) {
    field.setAttribute("aria-label", field.closest("tr").dataset.paramName);
  }
  for (const body of place.querySelectorAll(".body-param__text:not([aria-label])")) body.setAttribute("aria-label", "body");
  for (const example of place.querySelectorAll("pre.microlight:not([tabindex])")) example.tabIndex = 0;
}

new MutationObserver(named).observe(place, { childList: true, subtree: true });

window.SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  validatorUrl: null, // nothing is sent elsewhere
  supportedSubmitMethods: ["get", "post", "put", "delete"],
});
