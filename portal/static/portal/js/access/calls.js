// Calls of the portal: JSON in, JSON out. What goes wrong is thrown as a Trouble with words to show.
"use strict";

(() => {
  const place = document.getElementById("gw-editor");
  if (!place) return;
  const network = place.dataset.network;
  const token = place.querySelector("[name=csrfmiddlewaretoken]").value;

  class Trouble extends Error {
    constructor(words, status = 0, errors = []) {
      super(words);
      this.status = status; // 0: the portal did not answer.
      this.errors = errors; // {field, message, meant}
    }
  }

  async function ask(name, { query = {}, body = null, signal = null, markup = false } = {}) {
    const url = `${place.dataset.base}${name}/?${new URLSearchParams({ network, ...query })}`;
    const options = { credentials: "same-origin", cache: "no-store", signal, headers: { Accept: "application/json" } };
    if (body) {
      options.method = "POST";
      options.headers["Content-Type"] = "application/json";
      options.headers["X-CSRFToken"] = token;
      options.body = JSON.stringify(body);
    }
    let answer;
    try {
      answer = await fetch(url, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Trouble("The portal does not answer.");
    }
    if (answer.redirected) throw new Trouble("You are logged out. Log in again in another tab, then go on here.", 401);
    if (answer.ok && markup) return answer.text();
    let said = null;
    try {
      said = await answer.json();
    } catch {
      const words = answer.status === 403 ? "The portal refused this page. Load it anew." : "The portal could not answer.";
      throw new Trouble(words, answer.status);
    }
    if (!answer.ok) throw new Trouble(said.detail || said.title || "The portal could not answer.", answer.status, said.errors ?? []);
    return said;
  }

  Object.assign(GWAccess, { ask, Trouble });
})();
