// A pad for a digit or a photograph, and the network's answer beside it.
// One request is under way at a time: what is drawn meanwhile goes along with the next.

const SIDES = { digit: 28, photo: 64 };
const MAPS = ["saliency", "CAM", "occlusion"];
const PEN = 1.35;            // radius in cells of the digit's grid
const QUIET_MS = 700;        // until the answer is read out
const LOST_MS = 5000;        // after which a request without an answer is given up

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function render({ model, el }) {
  const view = String(Math.random());
  const digit = new Uint8Array(SIDES.digit ** 2);
  const photo = new Uint8ClampedArray(SIDES.photo ** 2 * 3);
  let kind = model.get("kind");
  let seen = "";                       // of a photograph: its file's name

  // What stands on the page

  el.classList.add("course-sketch");
  const pad = make("canvas", { class: "pad", tabindex: "0", role: "img" });
  const cursor = make("div", { class: "cursor", hidden: "" });
  const clear = make("button", { type: "button" }, "Clear");
  const file = make("input", { type: "file", accept: "image/*", "aria-label": "photograph from this computer" });
  const hint = make("p", { class: "hint" });
  const sentence = make("p", { class: "sentence", role: "alert" });
  const kinds = Object.keys(SIDES).map((name) => {
    const button = make("input", { type: "radio", name: `kind-${view}`, value: name });
    button.checked = name === kind;
    button.addEventListener("change", () => turn_to(name));
    return make("label", {}, button, name === "digit" ? "draw a digit" : "a photograph");
  });
  const scores = make("table", { class: "scores", "aria-label": "probability of each class" });
  const maps = MAPS.map((name) => make("canvas", { role: "img", "aria-label": name }));
  const figures = MAPS.map((name, k) => make("figure", {}, maps[k], make("figcaption", {}, name)));
  const spoken = make("div", { class: "spoken", role: "status" });
  const took = make("p", { class: "hint" });
  el.append(
    make("div", { class: "left" }, make("div", { class: "kinds", role: "radiogroup", "aria-label": "what to ask about" }, ...kinds),
      make("div", { class: "frame" }, pad, cursor), make("div", { class: "kinds" }, clear, file), hint, sentence),
    make("div", { class: "middle" }, scores, took), make("div", { class: "maps" }, ...figures), spoken);

  // Else JupyterLab takes letters and arrows for commands.
  for (const one of el.querySelectorAll("canvas.pad, button, input")) one.dataset.lmSuppressShortcuts = "true";

  // The picture

  function paint(canvas, rgb, side) {
    canvas.width = canvas.height = side;
    const image = new ImageData(side, side);
    const grey = rgb.length === side * side;
    for (let k = 0; k < side * side; k += 1) {
      for (let c = 0; c < 3; c += 1) image.data[4 * k + c] = grey ? rgb[k] : rgb[3 * k + c];
      image.data[4 * k + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  function show_picture() {
    paint(pad, kind === "digit" ? digit : photo, SIDES[kind]);
    pad.setAttribute("aria-label", kind === "digit"
      ? "Pad of 28 by 28 cells. Arrow keys move the pen, Space puts it down or lifts it, Delete clears."
      : `Photograph of 64 by 64 pixels${seen ? `: ${seen}` : ""}`);
  }

  function turn_to(name) {
    kind = name;
    clear.hidden = kind !== "digit";
    file.hidden = kind !== "photo";
    cursor.hidden = true;
    hint.textContent = kind === "digit"
      ? "Mouse or finger draws. By keyboard: arrows move the pen, Space puts it down or lifts it, Delete clears."
      : "Its middle is cut out and scaled to 64 × 64 pixels in the browser; the kernel gets these and nothing else.";
    sentence.textContent = "";
    show_picture();
    ask();
  }

  // Drawing, in cells of the grid

  function stroke(from, to) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
    for (let s = 0; s <= steps; s += 1) {
      const x = from.x + ((to.x - from.x) * s) / steps;
      const y = from.y + ((to.y - from.y) * s) / steps;
      for (let row = Math.max(0, Math.floor(y - 2)); row <= Math.min(27, Math.ceil(y + 2)); row += 1) {
        for (let column = Math.max(0, Math.floor(x - 2)); column <= Math.min(27, Math.ceil(x + 2)); column += 1) {
          const ink = 255 * Math.min(1, Math.max(0, PEN + 0.5 - Math.hypot(column - x, row - y)));
          digit[28 * row + column] = Math.max(digit[28 * row + column], ink);
        }
      }
    }
    changed();
  }

  function place(event) {
    const box = pad.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * 28 - 0.5, y: ((event.clientY - box.top) / box.height) * 28 - 0.5 };
  }

  let last = null;
  pad.addEventListener("pointerdown", (event) => {
    if (kind !== "digit" || event.button !== 0) return;
    pad.setPointerCapture(event.pointerId);
    cursor.hidden = true;
    last = place(event);
    stroke(last, last);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const next = place(each);
      stroke(last, next);
      last = next;
    }
  });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { last = null; });

  const pen = { x: 14, y: 6, down: false };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pad.addEventListener("keydown", (event) => {
    if (kind !== "digit" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      const from = { x: pen.x, y: pen.y };
      pen.x = Math.min(27, Math.max(0, pen.x + moves[event.key][0]));
      pen.y = Math.min(27, Math.max(0, pen.y + moves[event.key][1]));
      if (pen.down) stroke(from, pen);
    } else if (event.key === " ") {
      pen.down = !pen.down;
      if (pen.down) stroke(pen, pen);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      wipe();
    } else {
      return;
    }
    event.preventDefault();
    cursor.hidden = false;
    cursor.classList.toggle("down", pen.down);
    cursor.style.left = `${((pen.x + 0.5) / 28) * 100}%`;
    cursor.style.top = `${((pen.y + 0.5) / 28) * 100}%`;
  });
  pad.addEventListener("blur", () => { cursor.hidden = true; pen.down = false; });

  function wipe() {
    digit.fill(0);
    changed();
  }
  clear.addEventListener("click", wipe);

  // A photograph

  file.addEventListener("change", async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    sentence.textContent = "";
    let bitmap;
    try {
      bitmap = await createImageBitmap(chosen);
    } catch {
      sentence.textContent = `${chosen.name} is no picture that this browser can read; choose a JPEG, PNG or WebP file.`;
      return;
    }
    const side = Math.min(bitmap.width, bitmap.height);
    const small = make("canvas", { width: "64", height: "64" }).getContext("2d", { willReadFrequently: true });
    small.imageSmoothingQuality = "high";
    small.fillStyle = "white";
    small.fillRect(0, 0, 64, 64);            // where the picture is transparent
    small.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, 64, 64);
    const rgba = small.getImageData(0, 0, 64, 64).data;
    for (let k = 0; k < 64 * 64; k += 1) for (let c = 0; c < 3; c += 1) photo[3 * k + c] = rgba[4 * k + c];
    bitmap.close();
    seen = chosen.name;
    changed();
  });

  // Asking

  let number = 0;
  let sent = -Infinity;
  let waiting = false;
  let again = false;
  let moved = 0;                        // when the picture last changed
  let timer = 0;

  function changed() {
    moved = performance.now();
    ask();
  }

  function ask() {
    if (waiting && performance.now() - sent < LOST_MS) {
      again = true;
      return;
    }
    waiting = true;
    again = false;
    sent = performance.now();
    requestAnimationFrame(() => {
      show_picture();
      number += 1;
      sent = performance.now();
      const pixels = kind === "digit" ? digit : photo;
      model.send({ view, number, kind, moved }, undefined, [pixels.slice().buffer]);
    });
  }

  function answered(content, buffers) {
    if (content.view !== view || content.number !== number) return;
    waiting = false;
    if (again) {
      show_picture();
      ask();
    }
    sentence.textContent = content.sentence ?? "";
    if (content.sentence) return;
    const rows = content.names.map((name, k) => {
      const share = content.probabilities[k];
      const bar = make("div", { class: "bar" });
      bar.style.width = `${100 * share}%`;
      const row = make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "track" }, bar),
        make("td", { class: "share" }, `${Math.round(100 * share)} %`));
      row.classList.toggle("first", k === content.label);
      return row;
    });
    scores.replaceChildren(...rows);
    maps.forEach((canvas, k) => {
      const data = buffers[k];
      paint(canvas, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), SIDES[content.kind]);
      canvas.setAttribute("aria-label", `${MAPS[k]} map of ${content.names[content.label]}`);
    });
    if (content.moved) {
      const ms = performance.now() - content.moved;
      took.textContent = `answered in ${Math.round(ms)} ms`;
      el.dispatchEvent(new CustomEvent("answered", { bubbles: true, detail: { ms, number } }));
    }
    clearTimeout(timer);
    timer = setTimeout(() => { spoken.textContent = content.words; }, QUIET_MS);
  }

  const examples = model.get("examples");
  for (const [name, into] of [["digit", digit], ["photo", photo]]) {
    const given = examples[name];
    into.set(new Uint8Array(given.buffer, given.byteOffset, given.byteLength));
  }
  model.on("msg:custom", answered);
  turn_to(kind);
  return () => {
    clearTimeout(timer);
    model.off("msg:custom", answered);
  };
}

export default { render };
