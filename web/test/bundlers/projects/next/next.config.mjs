import { dirname } from "node:path";

const root = dirname(dirname(import.meta.dirname)); // where the packages are

export default { output: "export", turbopack: { root }, outputFileTracingRoot: root };
