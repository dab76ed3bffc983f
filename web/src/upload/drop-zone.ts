// Where pictures come in: drop anywhere on the page, paste, pick, or take one with a phone's camera.

import { h } from '../ui/dom';
import { icon } from '../ui/icon';
import { ACCEPT, type Limits, sizeWords, USUAL_LIMITS } from './rules';

export interface DropZone {
  element: HTMLElement;
  input: HTMLInputElement;
  /** Opens the camera, where there is one to hold in the hand. */
  camera: HTMLElement | null;
  /** Shrinks the zone to an "add more" tile, and back. */
  setCompact: (compact: boolean) => void;
  setDisabled: (disabled: boolean) => void;
  /** Says what fits. */
  setLimits: (limits: Limits) => void;
}

/** Makes the zone; `onFiles` gets what came in, whatever way it came. */
export function dropZone(onFiles: (files: File[]) => void): DropZone {
  const input = h('input', { type: 'file', accept: ACCEPT, multiple: true, class: 'visually-hidden', id: 'pictures', 'aria-describedby': 'pictures-hint' });
  const handheld = matchMedia('(pointer: coarse)').matches;
  const invitation = handheld ? 'Choose pictures' : 'Drop pictures here, choose or paste them';
  const title = h('span', { class: 'drop-zone-title' }, invitation);
  const hint = h('span', { class: 'hint', id: 'pictures-hint' }, hintOf(USUAL_LIMITS));
  const element = h('label', { class: 'drop-zone', for: 'pictures' }, input, h('span', { class: 'drop-zone-mark' }, icon('picture'), icon('cube')), title, hint);
  const take = (list: FileList | null | undefined): void => {
    if (!input.disabled && list && list.length > 0) onFiles([...list]);
  };
  const shutter = handheld ? h('input', { type: 'file', accept: 'image/jpeg,image/png', capture: 'environment', class: 'visually-hidden', id: 'camera' }) : null;
  for (const picker of shutter ? [input, shutter] : [input]) {
    picker.addEventListener('change', () => {
      take(picker.files);
      // The same file may be picked again.
      picker.value = '';
    });
  }
  catchDrops(element, take);
  return {
    element,
    input,
    camera: shutter && h('label', { class: 'button button-quiet camera', for: 'camera' }, shutter, icon('camera'), 'Take a picture'),
    setCompact(compact) {
      element.classList.toggle('is-compact', compact);
      title.textContent = compact ? 'Add more' : invitation;
    },
    setDisabled(disabled) {
      input.disabled = disabled;
      if (shutter) shutter.disabled = disabled;
      element.classList.toggle('is-disabled', disabled);
    },
    setLimits(limits) {
      hint.textContent = hintOf(limits);
    },
  };
}

const hintOf = ({ files, bytes }: Limits): string => `JPEG or PNG, up to ${sizeWords(bytes)} each, ${files} at most`;

/** Takes drops on the whole page, so that a near miss does not make the browser open the picture; and pastes. */
function catchDrops(zone: HTMLElement, take: (list: FileList | null | undefined) => void): void {
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
  let depth = 0;
  const show = (change: number): void => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle('is-target', depth > 0);
  };
  addEventListener('dragenter', (event) => carriesFiles(event) && show(1));
  addEventListener('dragleave', (event) => carriesFiles(event) && show(-1));
  addEventListener('dragover', (event) => carriesFiles(event) && event.preventDefault());
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(0);
    take(event.dataTransfer?.files);
  });
  addEventListener('paste', (event) => take(event.clipboardData?.files));
}
