// Uses of the package's other entries; package.test.mjs has tsc check it.
import emoji from "dit8-emoji";
import "dit8/element";
import type { Dit8Image } from "dit8/element";
import { Sampler as InNode } from "dit8/node";
import { useDit8 } from "dit8/react";

export async function element(): Promise<void> {
  const image: Dit8Image = document.createElement("dit8-image");
  image.prompt = "fox";
  image.seed = 1;
  image.model = emoji;
  image.request = { classes: [{ class: "fox", weight: 1 }] };
  image.addEventListener("progress", ({ detail }) => {
    if ("step" in detail) console.log(detail.step);
  });
  image.addEventListener("load", ({ detail }) => console.log(detail.sha256));
  image.addEventListener("error", ({ error, message }) => console.log(error, message));
  const hash: string | undefined = image.result?.sha256;
  const png: Blob = await image.toBlob({ scale: 4 });
  console.log(hash, png.size, document.querySelector("dit8-image")?.complete);
  // @ts-expect-error only read
  image.result = undefined;
  // @ts-expect-error no such solver
  image.solver = "rk4";
}

export function hook(): string | undefined {
  const { image, url, progress, error, busy, canvas } = useDit8({ prompt: "fox", seed: 1, model: "/my.dit8", threads: 2 });
  canvas(null);
  useDit8(null);
  // @ts-expect-error no such field
  useDit8({ prompt: "fox", sede: 1 });
  return busy && progress ? error?.message : `${url} ${image?.width}`;
}

export async function node(): Promise<number> {
  const sampler: InNode = await InNode.load({ model: "my.dit8" });
  return sampler.info.size;
}
