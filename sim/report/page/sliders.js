// Shows the sentence and the curve of the setting that the sliders choose. Everything is in the table's cells.
"use strict";
const play = document.getElementById("play");
const sliders = [...play.querySelectorAll("input")];
const cells = [...play.querySelectorAll("td[data-words]")];
const sentence = document.getElementById("play-words");
const curve = document.getElementById("play-curve");

function show() {
  const chosen = Object.fromEntries(sliders.map((slider) => [slider.name, slider.value]));
  for (const slider of sliders) {
    const value = slider.dataset.values.split(" ")[slider.value] + slider.dataset.unit;
    slider.setAttribute("aria-valuetext", value);
    slider.parentElement.querySelector("b").textContent = value;
  }
  for (const cell of cells) {
    const { sleep, retries } = cell.dataset;
    const isChosen = sleep === chosen.sleep && retries === (chosen.retries ?? "0");
    cell.classList.toggle("chosen", isChosen);
    if (isChosen) {
      sentence.textContent = cell.dataset.words;
      curve.setAttribute("d", cell.dataset.curve);
    }
  }
}

for (const slider of sliders) slider.addEventListener("input", show);
for (const cell of cells) {
  cell.addEventListener("click", () => {
    for (const slider of sliders) slider.value = cell.dataset[slider.name];
    show();
  });
}
play.querySelector(".controls").hidden = false;
show();
