"use strict";
/* Draws every figure with ECharts, in the page's own colours, again when these change. */
(() => {
  const elements = [...document.querySelectorAll("[data-chart]")];
  const drawn = new Map();

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function theme() {
    const [ink, muted, line] = ["--ink", "--muted", "--line"].map(token);
    const axis = {
      axisLine: { lineStyle: { color: muted } },
      axisTick: { lineStyle: { color: muted } },
      axisLabel: { color: muted, fontSize: 12, hideOverlap: true },
      nameTextStyle: { color: muted, fontSize: 12 },
      splitLine: { lineStyle: { color: line } },
    };
    return {
      color: ["--accent", "--best", "--other", "--wait", "--worse"].map(token),
      backgroundColor: "transparent",
      textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
      categoryAxis: { ...axis, splitLine: { show: false } },
      valueAxis: axis,
      legend: { textStyle: { color: ink }, pageTextStyle: { color: ink } },
    };
  }

  /* Colours that an option names by token, such as "--best". */
  function coloured(value) {
    if (typeof value === "string") return value.startsWith("--") ? token(value) : value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, coloured(of)]));
    }
    return value;
  }

  function draw(element) {
    drawn.get(element)?.dispose();
    const option = coloured(JSON.parse(element.dataset.chart));
    const lying = option.yAxis.type === "category" ? option.yAxis.data.length : 0;
    if (lying) element.style.height = `${5 + 2.2 * lying}rem`;
    const chart = echarts.init(element, theme(), { renderer: "svg" });
    const tooltip = {
      renderMode: "richText",
      confine: true,
      backgroundColor: token("--card"),
      borderColor: token("--line"),
      textStyle: { color: token("--ink"), fontSize: 12 },
      ...option.tooltip,
    };
    chart.setOption({ animation: false, ...option, tooltip });
    drawn.set(element, chart);
  }

  const drawAll = () => elements.forEach(draw);
  drawAll();
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) drawn.get(target).resize();
  });
  elements.forEach((element) => resized.observe(element));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia("print").addEventListener("change", drawAll);
})();
