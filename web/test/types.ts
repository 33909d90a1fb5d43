// Typical uses of the package; package.test.mjs has tsc check it.
import { DownloadError, ModelError, RequestError, Sampler, models, readMetadata } from "dit8";
import type { ClassShare, Edit, Info, LoadOptions, Metadata, Model, Modulation, Progress, Request, Result, Series, Solver, Step } from "dit8";

const options: LoadOptions = { threads: 2, device: "auto", storage: false, signal: AbortSignal.timeout(1000), onProgress };

function onProgress(progress: Progress): void {
  if (progress.note !== undefined) {
    const note: string = progress.note;
    console.log(note);
    // @ts-expect-error a note has no bytes
    progress.loaded.toFixed();
  } else {
    const from: "network" | "storage" | "file" = progress.from;
    console.log(progress.loaded / progress.total, from);
  }
}

export async function all(file: File, element: HTMLCanvasElement): Promise<void> {
  const sampler: Sampler = await Sampler.load();
  for (const model of ["default", new URL("https://example.com/a.dit8"), { url: "a.dit8", sha256: "00", bytes: 1 } satisfies Model, file]) await Sampler.load({ ...options, model });
  for (const model of await Sampler.models({ list: "models.json" })) {
    const kept: string | undefined = model.kept;
    if (kept) await Sampler.remove(model);
    else (await Sampler.load({ model })).dispose();
  }
  const info: Info = sampler.info;
  const name: string | undefined = sampler.classes[0];
  const used: number = sampler.memory + info.size + models.length + (models[0]?.bytes ?? 0);
  console.log(name, used);

  const mix: ClassShare[] = [{ class: "fox", weight: 1 }, { class: "panda", weight: 2, from: 1, to: 0.5 }];
  const solver: Solver = "heun";
  const request: Request = { classes: mix, seed: 1, steps: 4, count: 2, guidance: 3, guidance_interval: [0, 1], solver, schedule: "cosine" };
  const edit: Edit = { task: "inpaint", image: "", width: 32, mask: "" };
  for await (const event of sampler.sample({ ...request, edit }, { signal: AbortSignal.timeout(1) })) {
    if (event.type === "step") {
      const step: Step = event;
      element.getContext("2d")?.putImageData(step.images[0]!, 0, 0);
      // @ts-expect-error a step has no hash
      event.sha256;
    } else {
      const result: Result = event;
      const hash: string = result.sha256;
      console.log(hash);
    }
  }
  const result = await sampler.generate({}, { onStep: ({ step, steps, first }: Step) => console.log(step / steps, first) });
  const metadata: Metadata = await readMetadata(await result.toBlob({ scale: 8 }));
  const again: Result = await sampler.generate(metadata.request);
  console.log(again.images.length);
  const modulation: Modulation = await sampler.inspect(request);
  const values: Float32Array = modulation.branches[0]!.gamma.values;
  const alpha: Series | undefined = modulation.branches[0]?.alpha;
  console.log(values, alpha);
  const { median_ms } = await Sampler.bench({ config: "d256" }, { threads: 1, onProgress: ({ done, total }) => console.log(done / total) });
  console.log(median_ms.toFixed());
  const nothing: void = sampler.dispose();
  return nothing;
}

export function explain(error: unknown): string {
  if (error instanceof RequestError) return error.field;
  if (error instanceof DownloadError) return `${error.url} ${error.status?.toFixed()}`;
  if (error instanceof ModelError) return error.message;
  throw error;
}

export async function wrong(sampler: Sampler): Promise<void> {
  // @ts-expect-error it is made by load
  new Sampler();
  // @ts-expect-error no such device
  await Sampler.load({ device: "gpu" });
  // @ts-expect-error a number
  await Sampler.load({ threads: "2" });
  // @ts-expect-error a string
  await sampler.generate({ class: 1 });
  // @ts-expect-error no such field
  await sampler.generate({ stepz: 1 });
  // @ts-expect-error no such solver
  await sampler.generate({ solver: "rk4" });
  // @ts-expect-error a pair
  await sampler.generate({ guidance_interval: [1] });
  // @ts-expect-error a request is needed
  await sampler.generate();
  // @ts-expect-error a share needs a weight
  await sampler.generate({ classes: [{ class: "fox" }] });
  // @ts-expect-error it is not awaited
  sampler.generate({}).images;
  // @ts-expect-error only read
  sampler.info = sampler.info;
  // @ts-expect-error only read
  sampler.classes.push("cow");
}
