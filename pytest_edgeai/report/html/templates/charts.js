/* Plotly is read when the first chart is to be drawn: it takes longer than all of the page. */
function plotly() {
  const source = document.querySelector("#plotly");
  if (source.type === "text/plain") {
    const script = document.createElement("script");
    script.textContent = source.textContent;
    document.head.append(script);
    source.type = "text/plain+read";
  }
  return window.Plotly ?? window.moduleName;
}

/* Names of colours become the colours that the page has in light or dark. */
function coloured(value, isColour, style) {
  if (typeof value === "string") {
    return isColour ? style.getPropertyValue(`--${value}`) || value : value;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => coloured(item, isColour, style));
  return Object.fromEntries(Object.entries(value).map(
    ([key, item]) => [key, coloured(item, isColour || /color/.test(key), style)]));
}

function themed(layout) {
  const axis = { gridcolor: "line", zerolinecolor: "line", fixedrange: true };
  /* Each axis makes its own side wider: with both sides, room and labels may change in turns. */
  const automargin = { x: "height", y: "left" };
  const theme = {
    font: { family: "system-ui, sans-serif", size: 12, color: "ink" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 24, t: 32, b: 40 }, autosize: true, dragmode: false,
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", traceorder: "normal",
      itemsizing: "constant" },
    hoverlabel: { bgcolor: "paper", bordercolor: "line", font: { color: "ink" } },
    ...layout,
  };
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout)])) {
    if (/^[xy]axis/.test(key)) {
      theme[key] = { ...axis, automargin: automargin[key[0]], ...layout[key] };
    }
  }
  return theme;
}

function draw(figure) {
  const { data, layout } = JSON.parse(figure.querySelector("pre").textContent);
  const style = getComputedStyle(document.documentElement);
  const plot = figure.querySelector(".plot");
  plotly().react(plot, coloured(data, false, style), coloured(themed(layout), false, style),
    { responsive: true, displayModeBar: false });
}

const redraw = () => document.querySelectorAll(".chart").forEach((figure) => {
  if (figure.querySelector(".plot").childElementCount) draw(figure);
});

/* Paper is light, and narrower than the window. */
function onPaper(isPaper) {
  document.documentElement.classList.toggle("on-paper", isPaper);
  if (isPaper && budgets) openFailing();
  document.querySelectorAll("main > section > .charts .chart").forEach(draw);
  redraw();
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    plotly().relayout(plot, isPaper ? { width: 640, autosize: false } : { width: null, autosize: true });
  }
}
addEventListener("beforeprint", () => onPaper(true));
addEventListener("afterprint", () => onPaper(false));
matchMedia("print").addEventListener("change", ({ matches }) => onPaper(matches));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

const onSight = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (isIntersecting) {
      onSight.unobserve(target);
      draw(target);
    }
  }
}, { rootMargin: "200px" });
document.querySelectorAll(".chart").forEach((figure) => onSight.observe(figure));
