// Dark or light: as the system says, or as was chosen here before. Not a module, so that it
// runs before anything is drawn.
{
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const stored = { // storage may be forbidden, which then lasts for the visit only
    get() { try { return localStorage.getItem("theme"); } catch { return null; } },
    set(theme) { try { theme ? localStorage.setItem("theme", theme) : localStorage.removeItem("theme"); } catch {} },
  };
  let chosen = stored.get();
  if (!["dark", "light"].includes(chosen)) chosen = null;
  const own = () => (system.matches ? "dark" : "light");

  const apply = () => {
    const theme = chosen ?? own();
    root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = theme === "dark" ? "☀ Light" : "☾ Dark";
  };
  apply();
  system.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").onclick = () => {
      const theme = root.dataset.theme === "dark" ? "light" : "dark";
      chosen = theme === own() ? null : theme; // what the system says is followed from here on
      stored.set(chosen);
      apply();
    };
  });
}

// Browsers load no modules from a folder, so that nothing else would tell.
if (location.protocol === "file:") addEventListener("DOMContentLoaded", () => {
  document.getElementById("status").textContent = "This page works from a web server only, not from a folder: run “go run ./tools/serve” or “npx serve” in it, and open the address that it prints.";
});
