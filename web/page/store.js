// What of the history outlasts a visit: requests with a thumbnail each, in IndexedDB. Where a browser forbids it nothing is kept.
const open = () => new Promise((resolve, reject) => {
  const request = indexedDB.open("dit8", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("pictures", { keyPath: "key" });
  request.onsuccess = () => resolve(request.result);
  request.onerror = request.onblocked = () => reject(request.error);
});

let opened;
async function act(mode, use) {
  try {
    const transaction = (await (opened ??= open())).transaction("pictures", mode);
    const request = use(transaction.objectStore("pictures"));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch {} // the history of this visit is there all the same
}

export const kept = async () => (await act("readonly", (all) => all.getAll())) ?? [];
export const keep = (record) => act("readwrite", (all) => all.put(record));
export const forget = (key) => act("readwrite", (all) => all.delete(key));
