// Hands a file that was made in the page to the browser's downloads.

/** How long the browser may take to begin, in milliseconds. */
const BEGIN = 60_000;

export function saveAs(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), BEGIN);
}
