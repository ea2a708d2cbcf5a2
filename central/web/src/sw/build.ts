/** Build is what one build of the wallet consists of. */
export interface Build {
  /** Changes when any file does. */
  readonly version: string;
  /** The address of the page, for every navigation inside the wallet. */
  readonly shell: string;
  /** The addresses of all other files. */
  readonly files: readonly string[];
}
