// What keeps a page up to date. It hears what happens over a WebSocket and asks for the page's own address anew, of
// which it takes the parts that are marked:
//
//   <div id="fleet" data-gw-refresh="nodes presence">   replaced upon these events
//   <span id="count" data-gw-refresh="">                 replaced whenever something else is
//
// While the socket is down, or the server itself is not up to date, it says so and asks every 15 s. Other scripts hear
// "gw:live" (detail: the event), "gw:live-state" (detail: "live" or "stale"), and "gw:replaced" on a part that is new.
"use strict";

(() => {
  const address = document.body.dataset.gwLive;
  if (address === undefined) return;

  const POLL = 15000;
  const SILENCE = 25000; // The server says every 10 s that all is well.
  const PATIENCE = 5000; // How long a page may be neither live nor stale.
  const SHORTEST = 500;
  const LONGEST = 30000;
  const HIDDEN = 120000; // A tab that nobody has seen for so long lets go of its socket.
  const TICK = 1000;
  const ALL = "*";

  const badge = document.querySelector("[data-gw-live-badge]");
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const marked = () => [...document.querySelectorAll("[data-gw-refresh][id]")];
  const wants = (element) => element.dataset.gwRefresh.split(/\s+/).filter(Boolean);

  let socket = null;
  let state = "";
  let version = Number(document.body.dataset.gwVersion) || null;
  let opened = 0; // How often a socket was open.
  let heardAt = Date.now();
  let knownAt = performance.timeOrigin; // What is shown was true then.
  let attempts = 0;
  let retryAt = 0;
  let hiddenAt = document.hidden ? Date.now() : 0;
  let tickedAt = Date.now();
  let leaving = false;

  // --- What is to be asked for

  const waiting = new Set();
  const held = new Set(); // What parts would show anew that somebody is busy with.
  const edited = new WeakSet();
  const served = new WeakMap();
  let asking = false;
  let pollAt = 0;
  let askAfter = 0;

  const isBusy = (element) =>
    edited.has(element) || (element.contains(document.activeElement) && document.activeElement !== document.body);

  function want(type) {
    waiting.add(type);
    ask();
  }

  // The parts that an event of one of these types makes old.
  function due(types) {
    const parts = marked();
    const found = parts.filter((element) => types.has(ALL) || wants(element).some((type) => types.has(type)));
    return found.length ? [...found, ...parts.filter((element) => !wants(element).length)] : [];
  }

  async function ask() {
    if (asking || document.hidden || leaving || !waiting.size || Date.now() < askAfter) return;
    const parts = due(waiting);
    waiting.clear();
    if (!parts.length) {
      knownAt = Date.now();
      return;
    }
    asking = true;
    const began = Date.now();
    try {
      const page = await fetchPage();
      if (page === null) return;
      for (const element of parts) replace(element, page);
      knownAt = began;
    } catch {
      waiting.add(ALL); // The portal is away: what was missed is asked for when it is back.
      if (state === "live") turn("stale");
    } finally {
      asking = false;
      // One that takes the server long is asked for less often, however much happens.
      askAfter = Date.now() + Math.max(SHORTEST, 4 * (Date.now() - began));
      pollAt = Math.max(pollAt, Date.now() + POLL);
      show();
    }
  }

  async function fetchPage() {
    const url = location.pathname + location.search;
    const response = await fetch(url, { headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(SILENCE) });
    if (response.redirected && new URL(response.url).pathname !== location.pathname) {
      leave(); // Logged out, or what the page was about is gone.
      return null;
    }
    if (!response.ok) throw new Error(String(response.status));
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }

  function replace(old, page) {
    const found = page.getElementById(old.id);
    if (!old.isConnected || !found) return;
    const text = found.outerHTML;
    if (served.get(old) === text) return;
    if (isBusy(old)) {
      held.add(wants(old)[0] ?? ALL);
      return;
    }
    const made = document.importNode(found, true);
    keepOpen(old, made);
    noteNew(old, made);
    served.set(made, text);
    old.replaceWith(made);
    made.dispatchEvent(new CustomEvent("gw:replaced", { bubbles: true }));
  }

  // What somebody unfolded stays so.
  function keepOpen(old, made) {
    const now = [...made.querySelectorAll("details")];
    [...old.querySelectorAll("details")].forEach((element, index) => {
      if (now[index]) now[index].open = element.open;
    });
  }

  function noteNew(old, made) {
    const known = new Set([...old.querySelectorAll("[data-gw-key]")].map((element) => element.dataset.gwKey));
    if (!known.size) return;
    for (const element of made.querySelectorAll("[data-gw-key]")) {
      if (!known.has(element.dataset.gwKey)) element.classList.add("gw-new");
    }
  }

  // --- The socket

  function connect() {
    if (socket || !address || document.hidden || leaving) return;
    attempts += 1;
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${address}`;
    const mine = new WebSocket(url);
    socket = mine;
    mine.addEventListener("message", (message) => {
      if (socket === mine) hear(JSON.parse(message.data));
    });
    mine.addEventListener("close", () => {
      if (socket === mine) lose();
    });
  }

  function lose() {
    const mine = socket;
    socket = null;
    if (mine) mine.close();
    const pause = Math.min(LONGEST, 1000 * 2 ** Math.min(attempts, 10));
    retryAt = Date.now() + pause * (0.5 + Math.random());
    if (state === "live") turn("stale");
  }

  function hear(said) {
    heardAt = Date.now();
    if (said.type !== "state") {
      document.dispatchEvent(new CustomEvent("gw:live", { detail: said }));
      want(said.type);
      return;
    }
    if (attempts) {
      // Whatever happened while nobody listened. A page that was just made has read it all, but for what no version
      // tells of.
      if (opened || said.version !== version) waiting.add(ALL);
      else if (document.querySelector("[data-gw-refresh~=enrolments]:not(.gw-nav-count)")) waiting.add("enrolments");
      opened += 1;
      attempts = 0;
      askAfter = 0;
    }
    version = said.version ?? version;
    turn(said.fresh ? "live" : "stale");
    if (said.fresh && !waiting.size && !asking) knownAt = Date.now();
    ask();
    show();
  }

  // --- Live or not

  function turn(next) {
    if (state === next) return;
    const before = state;
    state = next;
    if (next === "stale") pollAt = Date.now() + (before ? POLL * Math.random() : POLL);
    document.documentElement.classList.toggle("gw-is-stale", next === "stale");
    document.dispatchEvent(new CustomEvent("gw:live-state", { detail: next }));
    show();
  }

  function show() {
    if (!badge) return;
    badge.hidden = !state;
    badge.classList.toggle("gw-live-stale", state === "stale");
    const words = state === "live" ? ["Live", ""] : ["Not live", ""];
    if (leaving) words[1] = ", log in again";
    else if (state === "stale") words[1] = `, data from ${clock.format(new Date(knownAt))}, asking every 15 s`;
    put("[data-gw-live-words]", words[0]);
    put("[data-gw-live-more]", words[1]);
    if (version !== null) put("[data-gw-live-version]", String(version));
  }

  function put(selector, text) {
    for (const element of document.querySelectorAll(selector)) if (element.textContent !== text) element.textContent = text;
  }

  // The login is over: this page has nothing more to ask.
  function leave() {
    leaving = true;
    if (socket) socket.close();
    socket = null;
    turn("stale");
    show();
  }

  // --- The clock

  function tick() {
    const now = Date.now();
    const slept = now - tickedAt > SILENCE;
    tickedAt = now;
    if (leaving) return;
    if (document.hidden) {
      if (socket && now - hiddenAt > HIDDEN) lose();
      return;
    }
    if (socket && (slept || now - heardAt > SILENCE)) {
      lose();
      retryAt = now;
    }
    if (!socket && now >= retryAt) {
      heardAt = now;
      connect();
    }
    if (!state && now - performance.timeOrigin > PATIENCE) turn("stale");
    if (state === "stale" && now >= pollAt) {
      pollAt = now + POLL;
      waiting.add(ALL);
    }
    ask();
  }

  function wake() {
    if (document.hidden) {
      hiddenAt = Date.now();
      return;
    }
    if (!socket) retryAt = 0;
    if (state === "stale") pollAt = 0;
    tick();
  }

  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) wake();
  });
  // A page that is kept for the Back button may not hold a socket.
  window.addEventListener("pagehide", () => {
    if (socket) lose();
  });
  document.addEventListener("input", (event) => mark(event.target, true));
  document.addEventListener("reset", (event) => {
    mark(event.target, false);
    release();
  });
  document.addEventListener("focusout", () => setTimeout(release));

  function mark(target, isEdited) {
    for (let part = target.closest?.("[data-gw-refresh]"); part; part = part.parentElement?.closest("[data-gw-refresh]")) {
      if (isEdited) edited.add(part);
      else edited.delete(part);
    }
  }

  function release() {
    for (const type of held) waiting.add(type);
    held.clear();
    ask();
  }

  window.addEventListener("load", () => {
    if (!address) turn("stale");
    connect();
    setInterval(tick, TICK);
  });
})();
