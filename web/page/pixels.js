// Pixels as an edit has them: bytes in base64.
export function base64(bytes) {
  const some = 1 << 13, texts = []; // characters that a function takes
  for (let at = 0; at < bytes.length; at += some) texts.push(String.fromCharCode(...bytes.subarray(at, at + some)));
  return btoa(texts.join(""));
}

// rgb is the bytes of an image without its alpha.
export function rgb({ data }) {
  const bytes = new Uint8Array(data.length / 4 * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) for (let c = 0; c < 3; c++) bytes[to++] = data[from + c];
  return bytes;
}

// luma is its brightness (ITU-R BT.601), as core.Luma.
export const luma = ({ data }) => Uint8Array.from({ length: data.length / 4 }, (_, i) => Math.floor((299 * data[4 * i] + 587 * data[4 * i + 1] + 114 * data[4 * i + 2] + 500) / 1000));

// fine tells whether a picture so many pixels wide looks better smoothed than with its pixels as squares.
export const fine = (width) => width >= 96;

// put shows a picture or an ImageData on a canvas of its size; width is that of one image, where the picture is a grid of several.
export function put(canvas, picture, width = picture.width) {
  if (canvas.width !== picture.width || canvas.height !== picture.height) Object.assign(canvas, { width: picture.width, height: picture.height });
  canvas.classList.toggle("fine", fine(width));
  const context = canvas.getContext("2d");
  picture instanceof ImageData ? context.putImageData(picture, 0, 0) : context.drawImage(picture, 0, 0);
}
