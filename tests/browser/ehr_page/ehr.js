// An EHR's side of CDS Hooks in a browser: signs its calls, fills the templates, shows the cards, tells what became of them.
"use strict";

const text = (value) => btoa(String.fromCharCode(...new Uint8Array(value))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const part = (value) => text(new TextEncoder().encode(JSON.stringify(value)));

class Ehr {
  constructor(service, jwk, issuer) {
    Object.assign(this, { service, jwk, issuer });
  }

  async token(audience) {
    const how = { name: "ECDSA", namedCurve: "P-384" };
    const key = await crypto.subtle.importKey("jwk", this.jwk, how, false, ["sign"]);
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: this.issuer, aud: audience, iat: now, exp: now + 300, jti: crypto.randomUUID() };
    const said = `${part({ alg: "ES384", typ: "JWT", kid: this.jwk.kid })}.${part(claims)}`;
    const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, key, new TextEncoder().encode(said));
    return `${said}.${text(signed)}`;
  }

  async ask(path, body) {
    const url = `${this.service}${path}`;
    const headers = { Authorization: `Bearer ${await this.token(url)}` };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(url, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : null;
  }

  async open(patient) {
    const service = (await this.ask("/cds-services")).services.find((one) => one.hook === "patient-view");
    const prefetch = {};
    for (const [key, template] of Object.entries(service.prefetch)) {
      const answer = await fetch(`/fhir/${template.replaceAll("{{context.patientId}}", patient)}`);
      prefetch[key] = answer.ok ? await answer.json() : null;
    }
    const context = { userId: "Practitioner/example", patientId: patient };
    const hook = { hook: "patient-view", hookInstance: crypto.randomUUID(), context, prefetch };
    const { cards } = await this.ask(`/cds-services/${service.id}`, hook);
    document.querySelector("#cards").replaceChildren(...cards.map((card) => this.shown(service, card)));
    return cards;
  }

  shown(service, card) {
    const box = document.createElement("article");
    box.innerHTML = "<h2></h2><pre></pre>";
    box.querySelector("h2").textContent = card.summary;
    box.querySelector("pre").textContent = card.detail;
    for (const reason of card.overrideReasons) {
      const button = document.createElement("button");
      button.textContent = reason.display;
      button.onclick = () => this.tell(service, box, {
        card: card.uuid,
        outcome: "overridden",
        overrideReason: { reason: { code: reason.code, system: reason.system } },
      });
      box.append(button);
    }
    return box;
  }

  async tell(service, box, feedback) {
    const said = { ...feedback, outcomeTimestamp: new Date().toISOString() };
    await this.ask(`/cds-services/${service.id}/feedback`, { feedback: [said] });
    box.remove();
  }
}
