// The worker that fetches its model, from static assets or an R2 bucket.
import { worker } from "./edge.mjs";

export default worker();
