// Sets the chosen colours before the first paint. Kept apart and small because it blocks rendering.
"use strict";

(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem("gw-theme") || "auto";
    } catch {
      return "auto"; // Storage is blocked: follow the system.
    }
  }

  function apply() {
    const theme = chosen();
    const dark = theme === "dark" || (theme === "auto" && system.matches);
    root.classList.toggle("dark", dark);
    root.classList.toggle("light", !dark);
    root.dataset.gwTheme = theme;
  }

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  window.gwTheme = {
    chosen,
    choose(theme) {
      try {
        localStorage.setItem("gw-theme", theme);
      } catch {
        root.dataset.gwTheme = theme; // Lasts for this page only.
      }
      apply();
    },
  };
  try {
    root.classList.toggle("gw-side-closed", localStorage.getItem("gw-side") === "closed");
  } catch {
    root.classList.remove("gw-side-closed");
  }
})();
