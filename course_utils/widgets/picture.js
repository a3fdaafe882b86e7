// An <img> whose bytes come from the kernel. What it shows is said to a screen reader once the changes have stopped:
// to read out every picture of a drag would never end.
const QUIET_MS = 700;

// The controls that stand around a picture: ipywidgets leaves sliders without a name, and JupyterLab takes arrow keys
// and letters from drop-down lists for commands of its own.
function ready_for_keys(box) {
  for (const one of box.querySelectorAll("select, input, .noUi-handle, .widget-readout")) one.dataset.lmSuppressShortcuts = "true";
  for (const slider of box.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector("label").innerText;
    slider.querySelector(".noUi-handle")?.setAttribute("aria-label", name);
    const readout = slider.querySelector(".widget-readout");
    readout?.setAttribute("role", "textbox");
    readout?.setAttribute("aria-label", name);
  }
}

function render({ model, el }) {
  const image = document.createElement("img");
  image.className = "course-picture";
  const spoken = document.createElement("div");
  spoken.className = "course-spoken";
  spoken.setAttribute("role", "status");
  el.append(image, spoken);

  let address = "";
  let timer = 0;
  const describe = () => {
    image.alt = model.get("alt");
    clearTimeout(timer);
    timer = setTimeout(() => { spoken.textContent = image.alt; }, QUIET_MS);
  };
  const show = () => {
    const old = address;
    address = URL.createObjectURL(new Blob([model.get("value")], { type: "image/png" }));
    image.src = address;
    URL.revokeObjectURL(old);
  };
  // The box stands around the picture, with all its controls, by the time that it is seen.
  const seen = new IntersectionObserver((entries) => {
    const box = el.closest(".widget-vbox");
    if (box && entries.some((entry) => entry.isIntersecting)) {
      ready_for_keys(box);
      seen.disconnect();
    }
  });
  seen.observe(image);
  image.alt = model.get("alt");
  show();
  model.on("change:value", show);
  model.on("change:alt", describe);
  return () => {
    clearTimeout(timer);
    seen.disconnect();
    model.off("change:value", show);
    model.off("change:alt", describe);
    URL.revokeObjectURL(address);
  };
}

export default { render };
