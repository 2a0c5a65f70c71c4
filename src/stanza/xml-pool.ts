import { ElementScan } from './xml-element.ts';

/**
 * What reads an element is some kilobytes; a scanner has one only while an element is open at the end of a chunk. All others wait
 * here, so that many thousand idle connections share a few. Nothing of the element read before is seen through one.
 */
const idle: ElementScan[] = [];
const MAX_IDLE = 16;

/** One that `begin` must be called of. */
export const borrowElementScan = (): ElementScan => idle.pop() ?? new ElementScan();

/** Takes one back; a large one is left to the garbage collector. */
export const returnElementScan = (element: ElementScan): void => {
  if (idle.length < MAX_IDLE && element.small) idle.push(element);
};
