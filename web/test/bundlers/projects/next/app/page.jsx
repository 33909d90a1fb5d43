"use client";
import { useEffect, useRef } from "react";
import "dit8-emoji";
import { Sampler } from "dit8";

export default function Page() {
  const canvas = useRef(null);
  useEffect(() => {
    (async () => {
      const sampler = await Sampler.load({ threads: 2 });
      const { images: [image] } = await sampler.generate({ prompt: "fox", seed: 1, steps: 4 });
      canvas.current.getContext("2d").putImageData(image, 0, 0);
      document.title = `${sampler.info.threads} threads`;
    })();
  }, []);
  return <canvas ref={canvas} id="canvas" width="128" height="128" />;
}
