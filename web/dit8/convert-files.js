// The files of the converter's worker, as Go's package os sees them: through globalThis.fs, which is to have Node's functions.
// It must be there before wasm_exec.js is.
//   show([{path, file}])   // what can be read, paths being a/b; everything else is not there
//   keep(path, make)       // what can be written: make() gives a promise of {write(bytes, at), read?(into, at), close?()}
//   failure()              // what went wrong last, which Go gets as a number
const ahead = 1 << 20; // bytes of a file that are read at a time at least

let shown = new Map(); // files by path
const outputs = new Map(), open = new Map(); // by path; by number
let next = 3, failed; // after stdin, stdout, stderr

export const show = (list) => { shown = new Map(list.map(({ path, file }) => [resolved(path), file])); };
export const keep = (path, make) => outputs.set(resolved(path), { make, size: 0 });
export const failure = () => failed;

// resolved is a path without its points, and without / around it.
function resolved(path) {
  const parts = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const no = (code) => Object.assign(new Error(code), { code });

// names are those in a folder; none where there is no such folder.
function names(folder) {
  const inside = folder && `${folder}/`;
  return [...new Set([...shown.keys()].filter((path) => path.startsWith(inside)).map((path) => path.slice(inside.length).split("/")[0]))];
}

// found is what a path leads to: a file that can be read, one that is written, or a folder.
function found(path) {
  path = resolved(path);
  const node = shown.get(path) ?? outputs.get(path);
  if (node) return node;
  const entries = names(path);
  if (!entries.length) throw no("ENOENT");
  return { entries, size: 0 };
}

const stat = ({ entries, size }) => ({
  dev: 0, ino: 0, mode: entries ? 0o40755 : 0o100644, nlink: 1, uid: 0, gid: 0, rdev: 0, size, blksize: 4096, blocks: 0, atimeMs: 0, mtimeMs: 0, ctimeMs: 0,
  isDirectory: () => !!entries,
});

// reader reads a Blob where one asks for it, and somewhat more, as each time takes a while.
function reader(file) {
  let from = 0, bytes = new Uint8Array();
  return (into, at) => {
    if (at >= file.size) return 0;
    if (at < from || at >= from + bytes.length) {
      bytes = new Uint8Array(new FileReaderSync().readAsArrayBuffer(file.slice(at, at + Math.max(ahead, into.length))));
      from = at;
    }
    const some = bytes.subarray(at - from, at - from + into.length);
    into.set(some);
    return some.length;
  };
}

let printed = "";
const said = new TextDecoder();

const calls = {
  async open(path) {
    const node = found(path);
    if (node.make) Object.assign(node, await node.make());
    open.set(next, { node, at: 0, read: node instanceof Blob ? reader(node) : node.read });
    return next++;
  },
  close(number) {
    const { node } = open.get(number);
    open.delete(number);
    return node.close?.();
  },
  stat: (path) => stat(found(path)),
  lstat: (path) => stat(found(path)),
  fstat: (number) => stat(open.get(number).node),
  readdir: (path) => found(path).entries,
  read(number, buffer, offset, length, position) {
    const file = open.get(number);
    if (!file.read) throw no("EISDIR");
    const n = file.read(buffer.subarray(offset, offset + length), position ?? file.at);
    if (position === null) file.at += n;
    return n;
  },
  async write(number, buffer, offset, length, position) {
    const bytes = buffer.subarray(offset, offset + length), { node } = open.get(number);
    await node.write(bytes, position ?? node.size);
    node.size = Math.max(node.size, (position ?? node.size) + length);
    return length;
  },
};

const codes = { QuotaExceededError: "ENOSPC" };

// called runs a function and calls back, with what Go knows an error by.
async function called(run, back) {
  const answer = (error) => {
    failed = error;
    return [{ code: codes[error.name] ?? error.code ?? "EIO" }];
  };
  let result;
  try {
    const value = run();
    result = [null, value instanceof Promise ? await value : value];
  } catch (error) {
    result = answer(error);
  }
  back(...result);
}

globalThis.fs = {
  constants: { O_WRONLY: 1, O_RDWR: 2, O_CREAT: 64, O_EXCL: 128, O_TRUNC: 512, O_APPEND: 1024, O_DIRECTORY: 65536 },
  ...Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, (...args) => { const back = args.pop(); called(() => call(...args), back); }])),
  // What a program prints that ends for want of memory.
  writeSync(_, bytes) {
    printed += said.decode(bytes, { stream: true });
    return bytes.length;
  },
};
globalThis.process = { cwd: () => "/", pid: 1, ppid: 0, getuid: () => 0, geteuid: () => 0, getgid: () => 0, getegid: () => 0 };
globalThis.path = { resolve: (path) => `/${resolved(path)}` };

// lastWords are what the program printed.
export const lastWords = () => printed.trim();
