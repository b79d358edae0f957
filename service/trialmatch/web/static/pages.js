// What makes the match page quicker to work with. Without script everything works too, with a page load for each save.
"use strict";

const main = document.getElementById("content");
const said = document.getElementById("said");

/** The form's words for a key, as the server wrote them; {n} and other names are filled in. */
function words(key, values = {}) {
  const form = document.querySelector("[data-answers]");
  const [one, many] = (form?.getAttribute(`data-${key.replace(".", "-")}`) ?? "").split("|");
  return Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), values.n === 1 ? one : many);
}

/** Say something to everybody: it is shown, and read out. It stays until the next thing is said or done. */
function say(text) {
  said.textContent = text;
}

// --- folding -------------------------------------------------------------------------------------------------------

function openUpTo(element) {
  for (let at = element; at && at !== main; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
  }
}

/** A link to a criterion opens what it is folded into, and leads the keyboard there. */
function follow(hash) {
  const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  openUpTo(target);
  const summary = target.closest("details.row")?.querySelector("summary");
  if (summary) {
    summary.focus({ preventScroll: true });
    summary.scrollIntoView({ block: "start" });
  } else {
    target.scrollIntoView({ block: "start" });
  }
}

main.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (link) setTimeout(() => follow(link.hash));
});

function shown(row) {
  return row.checkVisibility ? row.checkVisibility({ contentVisibilityAuto: false }) : row.offsetParent !== null;
}

// --- the filter ----------------------------------------------------------------------------------------------------

function filtered() {
  return main.querySelector('[name="show"]:checked')?.value ?? "all";
}

/** After another filter was chosen: open the trials that have such criteria, and say how many there are. */
function refilter() {
  const wanted = filtered();
  const rows = [...main.querySelectorAll(wanted === "all" ? "[data-row]" : `.section:not(.lost) [data-row].has-${wanted}`)];
  if (wanted !== "all") rows.forEach((row) => openUpTo(row.parentElement));
  const address = new URL(location.href);
  if (wanted === "all") address.searchParams.delete("show");
  else address.searchParams.set("show", wanted);
  address.hash = "";
  history.replaceState(null, "", address);
  const form = document.querySelector("[data-answers]");
  const action = new URL(form.action);
  action.search = address.search;
  form.action = action;
  say(words("filter.shown", { n: rows.length }));
}

main.addEventListener("change", (event) => {
  if (event.target.name === "show") refilter();
  else if (event.target.closest("[data-answers]")) count();
});
main.addEventListener("submit", (event) => {
  if (event.target.matches("[data-filter]")) event.preventDefault();
});

main.addEventListener("click", (event) => {
  const open = event.target.closest("[data-open-all]");
  if (open || event.target.closest("[data-close-all]")) {
    const folded = open ? "details.criteria, details.cohort:not(.lost), details.row" : "details.row";
    main.querySelectorAll(folded).forEach((one) => { one.open = Boolean(open); });
  }
  if (event.target.closest("[data-print]")) print();
});

// --- printing: everything is open on paper, but the cohorts that the patient is not of ----------------------------------

if (!CSS.supports("selector(::details-content)")) {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...main.querySelectorAll("details:not([open], .lost)")].filter((one) => !one.closest(".lost:not([open])"));
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
}

// --- answers -------------------------------------------------------------------------------------------------------

function unsaved() {
  const names = [...main.querySelectorAll('[data-answers] :is([name^="answer."], [name^="withdraw."]):checked')];
  return new Set(names.map((one) => one.name.slice(one.name.indexOf(".") + 1))).size;
}

/** Show how many answers wait to be saved. */
function count() {
  const bar = main.querySelector("[data-savebar]");
  if (!bar) return;
  const n = unsaved();
  bar.hidden = n === 0;
  bar.querySelector("[data-unsaved]").textContent = n ? words("answer.unsaved", { n }) : "";
  if (n) say("");
}

/** What each trial came to, to tell afterwards what an answer changed. */
function verdicts(root) {
  return new Map([...root.querySelectorAll("[data-trial]")].map((one) => [one.dataset.study, { ...one.dataset }]));
}

function changes(before, after) {
  const told = [];
  for (const [study, now] of after) {
    const then = before.get(study);
    if (!then) told.push(words("answer.back", { study, after: now.verdict }));
    else if (then.verdict !== now.verdict) told.push(words("answer.changed", { study, before: then.verdict, after: now.verdict }));
    else if (then.open !== now.open) told.push(words("answer.open", { study, before: then.open, after: now.open }));
  }
  for (const [study, then] of before) {
    if (!after.has(study)) told.push(words("answer.out", { study, before: then.verdict }));
  }
  return told.length ? told.join(" ") : words("answer.unchanged");
}

/** Put the new page in place of the old one, with the same things open, the same filter, the keyboard where it was. */
function replace(page, focused) {
  const fresh = page.getElementById("content");
  const open = new Map([...main.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
  const show = main.querySelector('[name="show"]:checked')?.id;
  const scrolled = scrollY;
  main.replaceChildren(...fresh.childNodes);
  document.title = page.title;
  document.body.className = page.body.className;
  for (const one of main.querySelectorAll("details[id]")) {
    if (open.has(one.id)) one.open = open.get(one.id);
  }
  if (show) main.querySelector(`#${show}`)?.click();
  prepare();
  scrollTo(0, scrolled);
  const target = focused && document.getElementById(focused);
  const summary = target && (shown(target) ? target : target.closest("details.fold"))?.querySelector("summary");
  (summary ?? main).focus({ preventScroll: Boolean(summary) });
}

async function save(form) {
  const before = verdicts(main);
  const n = unsaved();
  const focused = document.activeElement?.closest("details[id]")?.id;
  say(words("answer.saving"));
  form.inert = true;
  let why = words("answer.offline");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok || answer.status === 409) {
      const outcome = answer.ok ? `${words("answer.saved", { n })} ${changes(before, verdicts(page))}` : page.querySelector("h1").textContent;
      replace(page, focused);
      if (!answer.ok) { scrollTo(0, 0); main.focus(); }
      say(outcome);
      return;
    }
    why = page.querySelector("[data-notice]")?.textContent.trim() || `${answer.status}`;
  } catch { /* the words for it are set already */ }
  form.inert = false;
  say(words("answer.failed", { why }));
}

main.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-answers]")) return;
  event.preventDefault();
  save(event.target);
});
main.addEventListener("reset", () => setTimeout(() => { count(); main.querySelector("[data-filter] :checked")?.focus(); }));

// --- beginning -----------------------------------------------------------------------------------------------------

function prepare() {
  main.querySelectorAll("[data-print], [data-open-all], [data-close-all], [data-discard]").forEach((one) => { one.hidden = false; });
  count();
}

if (matchMedia("(max-width: 68rem)").matches) main.querySelector("[data-settling]")?.removeAttribute("open");
prepare();
if (filtered() !== "all") refilter();
follow(location.hash);
