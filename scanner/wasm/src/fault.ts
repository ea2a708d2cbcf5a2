/** Codes are the stable words for what went wrong; see doc.go for those of the module. */
export type Code =
  | 'bad_settings'
  | 'too_many_readers'
  | 'reader_closed'
  | 'bad_frame' // not a picture of a size that is read
  | 'reader_failed' // this frame is lost; the next is read again
  | 'busy' // a frame was given before the one before it was answered
  | 'unavailable'; // the module cannot be had or does not run here

/** Fault is every error that this library throws. The message is for developers. */
export class Fault extends Error {
  override readonly name = 'Fault';

  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
