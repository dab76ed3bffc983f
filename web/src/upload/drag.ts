// Dragging a picture to another place with the mouse. Fingers and keys use the buttons: a drag that starts on a
// phone is a scroll.

const MOVED = 'application/x-image2model-picture';

/** Calls `move` with the dragged tile's id and the place it was dropped on. */
export function dragToReorder(grid: HTMLElement, move: (id: string, place: number) => void): void {
  let dragged: HTMLElement | null = null;
  const tileAt = (event: Event): HTMLElement | null => (event.target instanceof Element ? event.target.closest<HTMLElement>('[data-id]') : null);
  const mark = (tile: HTMLElement | null): void => {
    for (const marked of grid.querySelectorAll('.is-goal')) if (marked !== tile) marked.classList.remove('is-goal');
    tile?.classList.add('is-goal');
  };
  grid.addEventListener('dragstart', (event) => {
    dragged = tileAt(event);
    if (dragged === null || event.dataTransfer === null) return;
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData(MOVED, dragged.dataset['id'] ?? '');
    dragged.classList.add('is-dragged');
  });
  grid.addEventListener('dragover', (event) => {
    if (dragged === null) return;
    event.preventDefault();
    const tile = tileAt(event);
    mark(tile === dragged ? null : tile);
  });
  grid.addEventListener('drop', (event) => {
    if (dragged === null) return;
    event.preventDefault();
    const tile = tileAt(event);
    const places = [...grid.querySelectorAll<HTMLElement>('[data-id]')];
    if (tile !== null && tile !== dragged) move(dragged.dataset['id'] ?? '', places.indexOf(tile));
  });
  grid.addEventListener('dragend', () => {
    dragged?.classList.remove('is-dragged');
    mark(null);
    dragged = null;
  });
}
