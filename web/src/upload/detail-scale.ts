// The scale of the detail slider: even steps of the hand are even factors of the number of faces.

import { MAX_FACES, MIN_FACES } from './rules';

/** The slider's last position; its first is 0. */
export const STEPS = 60;

/** Faces at a position, rounded to two figures. */
export function facesAt(position: number): number {
  const exact = MIN_FACES * (MAX_FACES / MIN_FACES) ** (clamp(position, 0, STEPS) / STEPS);
  const unit = 10 ** Math.floor(Math.log10(exact) - 1);
  return clamp(Math.round(exact / unit) * unit, MIN_FACES, MAX_FACES);
}

/** The position nearest to a number of faces. */
export function positionOf(faces: number): number {
  const share = Math.log(clamp(faces, MIN_FACES, MAX_FACES) / MIN_FACES) / Math.log(MAX_FACES / MIN_FACES);
  return Math.round(share * STEPS);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
