/* Below each result of the search: the sections in which the words stand, each with a few words around them. */
(() => {
  const SECTIONS = 3;
  const BEFORE = 60;
  const AFTER = 140;
  // "gradients" finds "gradient" as well, as the index does.
  const words = (new URLSearchParams(window.location.search).get("q") || "")
    .toLowerCase().split(/[^\p{L}\p{N}_]+/u).filter(Boolean)
    .map((word) => (word.length > 4 ? word.replace(/(?<!s)s$/, "") : word));

  const found = ([anchor, title, text]) => {
    const lower = text.toLowerCase();
    const places = words.map((word) => lower.indexOf(word)).filter((place) => place >= 0);
    const inTitle = words.filter((word) => title.toLowerCase().includes(word)).length;
    return { anchor, title, text, place: Math.min(...places), weight: places.length + 2 * inTitle };
  };

  const marked = (text) => {
    const line = document.createElement("span");
    const pattern = new RegExp(`((?:${words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})\\p{L}*)`, "giu");
    text.split(pattern).forEach((part, index) => {
      const piece = document.createElement(index % 2 ? "mark" : "span");
      piece.textContent = part;
      line.append(piece);
    });
    return line;
  };

  const excerpt = (page, { anchor, title, text, place }) => {
    const line = document.createElement("p");
    const link = document.createElement("a");
    line.className = "search-excerpt";
    link.href = `${page}.html#${anchor}`;
    link.textContent = title;
    line.append(link);
    if (Number.isFinite(place)) {
      const start = Math.max(0, text.lastIndexOf(" ", Math.max(0, place - BEFORE)));
      const end = text.indexOf(" ", place + AFTER);
      const cut = text.slice(start, end < 0 ? undefined : end).trim();
      line.append(": ", start > 0 ? "… " : "", marked(cut), end < 0 ? "" : " …");
    }
    return line;
  };

  const describe = (result) => {
    const link = result.querySelector("a");
    if (!link || result.dataset.described || !words.length) return;
    result.dataset.described = "true";
    const [page, anchor] = link.getAttribute("href").split("#");
    const name = page.replace(/\?.*/, "").replace(/\.html$/, "");
    const sections = (window.COURSE_TEXTS || {})[name] || [];
    sections.map(found)
      .filter((one) => one.weight > 0 && (!anchor || one.anchor === decodeURIComponent(anchor)))
      .sort((one, other) => other.weight - one.weight)
      .slice(0, SECTIONS)
      .forEach((one) => result.append(excerpt(name, one)));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("search-results");
    if (!place) return;
    const all = () => place.querySelectorAll("ul.search > li").forEach(describe);
    new MutationObserver(all).observe(place, { childList: true, subtree: true });
    all();
  });
})();
