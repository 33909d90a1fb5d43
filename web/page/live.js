// Pictures as fast as they come while a request changes: the newest request wins, and one that is being made is finished, so that
// there is always something to see.
const rest = 700; // ms without a change, after which the last picture is kept

// live calls make(request, signal) for a picture, onPicture(picture) for each, onRest(picture, request) for the last one, and onError.
export function live({ make, onPicture, onRest, onError }) {
  let next, stop, last, of, timer; // of is the request of last

  async function loop() {
    const { signal } = stop = new AbortController();
    while (next) {
      const request = next;
      next = undefined;
      try {
        const made = await make(request, signal);
        if (signal.aborted) return;
        onPicture(last = made);
        of = request;
      } catch (error) {
        if (signal.aborted) return;
        last = undefined;
        onError(error);
      }
    }
    stop = undefined;
  }

  function settle() {
    if (stop) timer = setTimeout(settle, 50);
    else if (last) onRest(last, of);
    if (!stop) last = undefined;
  }

  return {
    want(request) {
      next = request;
      clearTimeout(timer);
      timer = setTimeout(settle, rest);
      if (!stop) loop();
    },
    end() {
      clearTimeout(timer);
      stop?.abort();
      next = stop = last = undefined;
    },
  };
}
