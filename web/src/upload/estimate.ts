// What an upload costs and takes, from what the model maker says of itself. What it does not say is not guessed.

import { optionOf, type ModelMaker, type Wishes } from '../api/models';
import { count, duration } from '../ui/words';

/** Cents for one model with this value of an option, when one of the maker's prices names it. */
export function priceWith(maker: ModelMaker, value: string): number | null {
  const wanted = value === 'no' ? 'without' : value.toLowerCase();
  const named = (maker.prices ?? []).filter(({ label }) => label.toLowerCase().split(/\W+/).includes(wanted));
  return named.length === 1 ? (named[0]?.cents ?? null) : null;
}

/** Cents for one model, when they can be told from the chosen texture or there is only one price. */
export function priceOf(maker: ModelMaker, wishes: Wishes): number | null {
  const prices = maker.prices ?? [];
  if (prices.length === 1) return prices[0]?.cents ?? null;
  const texture = wishes['texture'] ?? optionOf(maker, 'texture')?.default;
  return typeof texture === 'string' ? priceWith(maker, texture) : null;
}

/** Money as people write it: "$0.90". */
export const dollars = (cents: number): string => `$${(cents / 100).toFixed(2)}`;

export interface Estimate {
  /** "About $0.90", or null when no price is known. */
  cost: string | null;
  /** How the cost comes about, when there is more than one model. */
  sum: string | null;
  /** "usually about 1 minute each", or null. */
  time: string | null;
}

/** For so many pictures. */
export function estimate(maker: ModelMaker | null, wishes: Wishes, pictures: number): Estimate {
  if (maker === null) return { cost: null, sum: null, time: null };
  const cents = priceOf(maker, wishes);
  const seconds = maker.typical_seconds ?? 0;
  return {
    cost: cents === null ? null : dollars(cents * Math.max(1, pictures)),
    sum: cents === null || pictures < 2 ? null : `${count(pictures, 'model')} at ${dollars(cents)}`,
    time: seconds > 0 ? `${duration(seconds)}${pictures > 1 ? ' each' : ''}` : null,
  };
}
