// This browser's small database (IndexedDB): the pictures that wait to be sent.
// Everything works, less conveniently, where storage is refused: a failed read finds nothing, a failed write is forgotten.

const NAME = 'image2model';
const VERSION = 2;

/** The tables, each an object store with keys of its own. */
export type Table = 'pictures';

let opening: Promise<IDBDatabase | null> | null = null;

function open(): Promise<IDBDatabase | null> {
  opening ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        const { objectStoreNames } = request.result;
        if (!objectStoreNames.contains('pictures')) request.result.createObjectStore('pictures');
        // Kept by an earlier version of these pages; the service has small pictures itself now.
        if (objectStoreNames.contains('covers')) request.result.deleteObjectStore('covers');
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
      request.onblocked = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opening;
}

/** Runs one transaction; null when storage is refused or full. */
async function run<T>(table: Table, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
  const database = await open();
  if (database === null) return null;
  return new Promise((resolve) => {
    try {
      const transaction = database.transaction(table, mode);
      const request = work(transaction.objectStore(table));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => resolve(null);
      transaction.onabort = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

export const readOne = (table: Table, key: string): Promise<unknown> => run(table, 'readonly', (store) => store.get(key));

/** Whether it was kept. */
export const writeOne = async (table: Table, key: string, value: unknown): Promise<boolean> =>
  (await run(table, 'readwrite', (store) => store.put(value, key))) !== null;

export async function removeOne(table: Table, key: string): Promise<void> {
  await run(table, 'readwrite', (store) => store.delete(key));
}

export async function clearTable(table: Table): Promise<void> {
  await run(table, 'readwrite', (store) => store.clear());
}
