// Takes the token from behind "#" in the link, where no server sees it, into the form, and sends that once.
"use strict";

(() => {
  const form = document.querySelector("form[data-gw-welcome]");
  const token = window.location.hash.slice(1);
  if (!form || !token) return;
  // Neither the history nor a reload keeps it.
  window.history.replaceState(null, "", window.location.pathname);
  form.elements.token.value = token;
  form.submit();
})();
