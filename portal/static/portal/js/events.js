// Times of events in the viewer's zone: those that are read, and those that are asked for.
"use strict";

(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const pad = (number) => String(number).padStart(2, "0");
  const date = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const time = (at) => `${pad(at.getHours())}:${pad(at.getMinutes())}`;

  function stamp(within) {
    const today = date(new Date());
    for (const element of all("time[data-gw-stamp]", within)) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const clock = `${time(at)}:${pad(at.getSeconds())}`;
      const words = date(at) === today ? clock : `${date(at)} ${clock}`;
      if (element.textContent !== words) element.textContent = words;
    }
  }

  // The address holds instants with a zone; the fields show and take the viewer's own time.
  function fields(form) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const words of all("[data-gw-zone]", form)) {
      words.textContent = words.textContent.replace(" (UTC)", "");
      words.title = zone;
    }
    const given = new URLSearchParams(window.location.search);
    for (const input of all("input[data-gw-instant]", form)) {
      const text = given.get(input.name);
      if (!text) continue;
      const at = new Date(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
      if (!Number.isNaN(at.getTime())) input.value = `${date(at)}T${time(at)}`;
    }
    form.addEventListener("submit", () => {
      for (const input of all("input[data-gw-instant]", form)) {
        if (!input.value) {
          input.disabled = true;
          continue;
        }
        const hidden = document.createElement("input");
        hidden.type = "hidden";
        hidden.name = input.name;
        hidden.value = new Date(input.value).toISOString();
        input.disabled = true;
        form.append(hidden);
      }
      // What is empty need not stand in the address.
      for (const input of all("input[name], select[name]", form)) if (!input.value) input.disabled = true;
    });
  }

  stamp(document);
  for (const form of all("form[data-gw-events]")) fields(form);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) window.location.reload();
  });
  new MutationObserver((changes) => {
    if (changes.some((change) => change.addedNodes.length)) stamp(document);
  }).observe(document.getElementById("content"), { childList: true, subtree: true });
})();
