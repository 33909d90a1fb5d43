"use client";
// A hook of React that draws by a Sampler which components have in common. react.d.ts says what it gives.
import { useCallback, useEffect, useRef, useState } from "react";
import { Drawing, keyOf, paint } from "./drawing.js";

const show = ({ canvas, image }) => { if (canvas && image) paint(canvas, image); };

export function useDit8(asked) {
  const { model, vae, threads, device, storage, ...request } = asked ?? {};
  const options = { model, vae, threads, device, storage };
  const drawing = useRef(), shown = useRef({}); // the canvas and its image
  const [state, setState] = useState({});

  useEffect(() => {
    drawing.current = new Drawing();
    return () => drawing.current.end();
  }, []);

  const key = asked ? JSON.stringify([keyOf(options), request]) : "";
  useEffect(() => {
    if (!key) return void setState({});
    const own = drawing.current;
    let live = true;
    const set = (more) => live && setState((state) => ({ ...state, ...more }));
    set({ busy: true, error: undefined, progress: undefined });
    own.draw(options, request, {
      onProgress: (progress) => set({ progress }),
      onStep: (progress) => set({ progress, image: progress.images[0] }),
    }).then(async (result) => {
      const png = await result.toBlob();
      if (live) set({ busy: false, progress: undefined, image: result.images[0], result, url: URL.createObjectURL(png) });
    }).catch((error) => set({ busy: false, progress: undefined, error }));
    return () => {
      live = false;
      own.cancel();
    };
  }, [key]); // which says all of options and request

  const { url, image } = state;
  useEffect(() => (url ? () => URL.revokeObjectURL(url) : undefined), [url]);
  useEffect(() => {
    shown.current.image = image;
    show(shown.current);
  }, [image]);
  const canvas = useCallback((node) => {
    shown.current.canvas = node;
    show(shown.current);
  }, []);
  return { image: undefined, url: undefined, result: undefined, progress: undefined, error: undefined, busy: false, ...state, canvas };
}
