// Makes the small picture of a file. It is kept as a data URL, so that it outlives the page it was made on and a
// list of 25 large photographs costs kilobytes instead of decoded megapixels.

/** Longest side of a thumbnail, in pixels. */
const SIDE = 320;

export interface Thumbnail {
  url: string;
  /** Size of the whole picture, in pixels. */
  width: number;
  height: number;
}

/** Rejects when the file is no picture the browser can open. */
export async function thumbnailOf(file: Blob): Promise<Thumbnail> {
  const bitmap = await createImageBitmap(file);
  try {
    const { width, height } = bitmap;
    const scale = Math.min(1, SIDE / Math.max(width, height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('no 2D canvas');
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const format = file.type === 'image/png' ? 'image/png' : 'image/jpeg';
    return { url: canvas.toDataURL(format, 0.8), width, height };
  } finally {
    bitmap.close();
  }
}
