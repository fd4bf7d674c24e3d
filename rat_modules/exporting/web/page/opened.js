// A browser lets a page that was opened as a file fetch nothing, and runs none of its modules: this is no module.
if (location.protocol === "file:") {
  document.getElementById("loading").hidden = true;
  document.getElementById("said").textContent =
    "Please open this folder through a file server: run `python -m http.server` in it, then open http://localhost:8000.";
}
