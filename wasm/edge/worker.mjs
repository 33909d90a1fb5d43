// The worker with its model bundled.
import { worker } from "./edge.mjs";
import model from "./dist/default.dit8";

export default worker(model);
