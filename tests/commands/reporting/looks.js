// What a reader would stumble over, by the browser's own measures.

// The texts that stand out from their ground by less than WCAG 2 asks for (AA: 4.5 to 1).
function faint() {
  return shown("body *").filter(hasText).flatMap((e) => {
    const colour = getComputedStyle(e)[e instanceof SVGElement ? "fill" : "color"];
    const [low, high] = [luminance(numbers(colour)), luminance(ground(e))].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    return ratio < 4.5 ? [`${e.tagName}.${e.getAttribute("class")} ${ratio.toFixed(2)} ${e.textContent.slice(0, 40)}`] : [];
  });
}

// The texts of drawings that stick out of the window, or stand on one another.
function clashes() {
  const texts = shown("svg text").map((e) => ({ said: e.textContent, svg: e.ownerSVGElement, box: e.getBoundingClientRect() }));
  const outside = texts.filter(({ box }) => box.left < -1 || box.right > innerWidth + 1).map(({ said }) => said);
  const pairs = texts.flatMap((a, n) => texts.slice(n + 1).filter((b) => a.svg == b.svg && meet(a.box, b.box)).map((b) => [a, b]));
  return [...outside, ...pairs.map(([a, b]) => `${a.said} | ${b.said}`)];
}

function shown(selector) {
  return [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
}

function hasText(e) {
  return [...e.childNodes].some((node) => node.nodeType == Node.TEXT_NODE && node.data.trim());
}

// Boxes are as high as a line: letters meet where they share more than its margins.
function meet(a, b) {
  return a.left + 1 < b.right && b.left + 1 < a.right && a.top + 5 < b.bottom && b.top + 5 < a.bottom;
}

function ground(e) {
  const colour = numbers(getComputedStyle(e).backgroundColor);
  return colour.length == 4 && colour[3] == 0 && e.parentElement ? ground(e.parentElement) : colour;
}

function numbers(colour) {
  return colour.match(/[\d.]+/g).map(Number);
}

function luminance(colour) {
  const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
