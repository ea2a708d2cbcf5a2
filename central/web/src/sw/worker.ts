import type { Build } from './build';

declare const __CONTING_PRECACHE__: Build; // filled in by build/precache.ts

const build = __CONTING_PRECACHE__;
console.debug(build.version);
