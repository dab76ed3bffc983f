// Hands files to the browser's downloads.

/** How long the browser may take to begin, in milliseconds. */
const BEGIN = 60_000;

/** A file that was made in the page. */
export function saveAs(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  saveFrom(address, name);
  setTimeout(() => URL.revokeObjectURL(address), BEGIN);
}

/** A file of the service, which names it where no name is given. */
export function saveFrom(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}
