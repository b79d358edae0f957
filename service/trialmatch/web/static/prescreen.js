// Looks again after a prescreen that waits or is under way, for as long as somebody can see the page. Without script
// the page has a link for it.
"use strict";

const main = document.getElementById("content");
const said = document.getElementById("said");
const live = main.querySelector("[data-live]");
const box = live.querySelector("[data-look] input");
let waiting = 0;

/** Say something to everybody: it is shown, and read out. */
function say(text) {
  if (said.textContent !== text) said.textContent = text;
}

/** Show what has come. How far it is changes quietly; only that it has ended is said. */
function take(fresh) {
  if (fresh.querySelector("[data-live]")) {
    for (const part of main.querySelectorAll("[data-part]")) {
      const now = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (part.innerHTML !== now.innerHTML) part.replaceWith(now);
    }
    return true;
  }
  const within = main.contains(document.activeElement);
  main.replaceWith(fresh);
  if (within) fresh.focus();
  say(fresh.querySelector("[data-part=state]").textContent);
  return false;
}

/** Look once; whether to look again. An end of the session is an answer that leads elsewhere. */
async function look() {
  let answer;
  try {
    answer = await fetch(location.href, { headers: { "Trialmatch-Unattended": "1" }, redirect: "manual" });
  } catch {
    say(live.dataset.away);
    return true;
  }
  if (answer.status >= 500 || answer.status === 429) {
    say(live.dataset.away);
    return true;
  }
  if (!answer.ok) {
    say(live.dataset.over);
    return false;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  said.textContent = "";
  return take(page.getElementById("content"));
}

/** Wait for the next time; whoever does not look at the page, or does not want it, is waited for. */
function later() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    if (document.hidden || !box.checked || (await look())) later();
  }, Number(live.dataset.every) * 1000);
}

box.parentElement.hidden = false;
later();
