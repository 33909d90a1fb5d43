import "dit8-emoji";
import { Sampler } from "dit8";

const context = document.getElementById("canvas").getContext("2d");
const sampler = await Sampler.load({ threads: 2 });
const { images: [image] } = await sampler.generate({ prompt: "fox", seed: 1, steps: 4 });
context.putImageData(image, 0, 0);
document.title = `${sampler.info.threads} threads`;
