package web

// HandlerOf serves another build than the embedded one.
var HandlerOf = handler
