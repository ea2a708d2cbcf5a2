package api

import "net/http"

// kind is what is always true of a problem code.
type kind struct {
	status int
	title  string
	hint   string
}

// catalogue lists every problem code. The OpenAPI document lists the same; a
// test compares.
func catalogue() map[string]kind {
	return map[string]kind{
		// the request itself
		"malformed_body":         {http.StatusBadRequest, "The body is not the JSON that is due", "compare it with /v1/openapi.json; unknown keys are refused"},
		"body_too_large":         {http.StatusRequestEntityTooLarge, "The body is too large", "send less; a plan may have 1 MiB, everything else 64 KiB"},
		"unsupported_media_type": {http.StatusUnsupportedMediaType, "The body is not JSON", "send Content-Type: application/json"},
		"invalid_request":        {http.StatusUnprocessableEntity, "A value cannot be right", "correct the value that the detail names"},
		"invalid_cursor":         {http.StatusBadRequest, "The cursor or limit is not valid", "use \"next\" of the page before as cursor, and a limit from 1 to 500"},
		"not_found":              {http.StatusNotFound, "There is nothing here", "see /v1/openapi.json for what there is"},
		"method_not_allowed":     {http.StatusMethodNotAllowed, "The method does not fit this address", "see /v1/openapi.json"},
		"unauthorized":           {http.StatusUnauthorized, "A token is missing or wrong", "send Authorization: Bearer with the order's secret, or the admin token under /admin"},

		// waiting rooms
		"access_required":     {http.StatusUnauthorized, "The access token is missing, wrong or too old", "get a new one at POST /v1/account/access"},
		"unknown_queue":       {http.StatusNotFound, "The event has no waiting room", "order without one"},
		"queue_required":      {http.StatusForbidden, "Only who was admitted by the event's waiting room may order", "stand in line at POST /v1/events/EVENT/queue, and send the admission's token as Queue-Admission"},
		"queue_token_invalid": {http.StatusForbidden, "The queue token is not of this event and person", "enter again; an account keeps its place"},
		"queue_closed":        {http.StatusConflict, "The waiting room is closed", "nobody is admitted any more"},
		"queue_full":          {http.StatusServiceUnavailable, "The waiting room is full", "come back later"},
		"queue_unavailable":   {http.StatusServiceUnavailable, "The waiting room cannot answer this now", "ask again after a few seconds; places are kept"},
		"queue_not_sealed":    {http.StatusConflict, "The list of those before the opening is not fixed yet", "wait until the sale opens"},
		"queue_sealed":        {http.StatusConflict, "The shuffle is fixed already", "it cannot be changed any more"},
		"poll_instead":        {http.StatusConflict, "Only the front of the line is told at once", "ask at GET /v1/events/EVENT/queue after retry_ms"},

		// showing a ticket
		"lease_lapsed":        {http.StatusGone, "The session has ended", "unlock the ticket again; that begins a new session"},
		"lease_limit":         {http.StatusTooManyRequests, "Too many codes are being shown at once", "close one that is shown on this or another device, or wait three minutes"},
		"leases_full":         {http.StatusServiceUnavailable, "There is no room for another session", "show the code without a session"},
		"leases_off":          {http.StatusConflict, "The event asks for no sessions", "show the code without a session"},
		"ticket_not_showable": {http.StatusConflict, "There is no code of this ticket to show", "look at its state in the list of tickets: it is used, moved, refunded or on paper"},
		"no_receipt":          {http.StatusNotFound, "There is no receipt of an entry", "ask again later: a gate without network sends it when it has one"},

		// several centrals
		"no_leader": {http.StatusServiceUnavailable, "No central leads at the moment", "try again in a few seconds"},

		// repeated requests
		"idempotency_key_invalid": {http.StatusBadRequest, "The Idempotency-Key is not valid", "use 16 to 128 letters, digits, hyphens or underscores, chosen at random"},
		"idempotency_key_reused":  {http.StatusConflict, "The Idempotency-Key was used for another request", "make a new key for a new request"},
		"request_in_progress":     {http.StatusConflict, "The same request is still being worked on", "wait a second and repeat it unchanged"},

		// what is on sale
		"unknown_event":    {http.StatusNotFound, "There is no such event", "list the events at /v1/events"},
		"event_exists":     {http.StatusConflict, "Another plan was imported for this event", "give the event another id"},
		"unknown_ticket":   {http.StatusNotFound, "There is no such ticket", "ask for the list of tickets again; another account's ticket is not shown"},
		"ticket_dead":      {http.StatusConflict, "The ticket is not in force", "it was refunded, revoked or blocked"},
		"ticket_not_paper": {http.StatusConflict, "The ticket is bound to a phone", "show it in the wallet; a ticket bound to a phone is never printed"},
		"invalid_plan":     {http.StatusUnprocessableEntity, "The plan cannot be used", "correct what the detail names"},
		"sale_closed":      {http.StatusConflict, "The event is over", "choose another event"},
		"not_sold":         {http.StatusUnprocessableEntity, "This class is not sold in this zone", "choose a zone and class from the event's prices"},
		"unknown_seat":     {http.StatusUnprocessableEntity, "There is no such seat in this zone", "choose one from the event's seats"},
		"seat_taken":       {http.StatusConflict, "Somebody else has this seat", "choose another seat"},
		"sold_out":         {http.StatusConflict, "No place is free in this zone", "choose another zone, or try again when holds run out"},
		"event_cancelled":  {http.StatusConflict, "The event was called off", "choose another event; what was paid goes back by itself"},
		"seat_kept":        {http.StatusConflict, "The seat is kept for people who need it", "choose another seat; who needs step-free entry, or comes along, says so with \"accessible\" and \"companions\""},
		"not_together":     {http.StatusConflict, "There are not so many free seats side by side", "ask for fewer, for another zone, or without \"adjacent\""},
		"too_many_places":  {http.StatusUnprocessableEntity, "So many places cannot be asked for at once", "an order is for 8 places at most, and one may wait for 4"},
		"person_limit":     {http.StatusConflict, "The person has as many places of this event as anybody may have", "an order that ran out unpaid counts no longer than it was held"},
		"others_wait":      {http.StatusConflict, "Others wait for places of this zone", "choose another zone, or wait as well at POST /v1/events/EVENT/waiting"},
		"places_free":      {http.StatusConflict, "Places of this zone are free", "order one"},
		"not_waiting":      {http.StatusNotFound, "The account does not wait here", "list where it does at GET /v1/events/EVENT/waiting"},
		"unknown_offer":    {http.StatusNotFound, "There is no such offer", "list them at /v1/wallet/offers"},
		"offer_closed":     {http.StatusConflict, "The offer is no longer open", "it was taken, declined or has run out; wait again"},

		// who buys
		"paper_not_allowed":     {http.StatusUnprocessableEntity, "This class is not sold on paper", "bind the ticket to a holder key, or choose a class that allows paper"},
		"holder_required":       {http.StatusUnprocessableEntity, "An order names either a holder or paper", "send \"holder\" or \"paper\": true, not both"},
		"challenge_invalid":     {http.StatusUnprocessableEntity, "The challenge is forged, too old or used", "ask for a new one where this one came from, with the right purpose"},
		"possession_not_proved": {http.StatusUnprocessableEntity, "The holder key did not sign the challenge", "sign it with user verification on the device that has the key"},

		// people
		"sign_in_required": {http.StatusUnauthorized, "Nobody is signed in", "sign in with the passkey at POST /v1/account/sign-in"},
		"cross_origin":     {http.StatusForbidden, "The request comes from another site", "use the wallet at its own address"},
		"email_invalid":    {http.StatusUnprocessableEntity, "This is not an e-mail address", "write it as name@example.org"},
		"account_exists":   {http.StatusConflict, "There is an account with this e-mail", "sign in with its passkey, or recover it with its recovery code"},
		"purpose_unknown":  {http.StatusUnprocessableEntity, "No challenge has this purpose", "see /v1/openapi.json for the purposes"},
		"passkey_invalid":  {http.StatusUnprocessableEntity, "The passkey was not made as it must be", "make it here, with user verification, ES256 and attestation \"none\""},
		"passkey_known":    {http.StatusConflict, "This passkey belongs to an account already", "sign in with it, or make another"},
		"passkey_refused":  {http.StatusUnprocessableEntity, "The passkey did not sign this, or is not in force", "sign with user verification and the passkey of this account"},
		"passkey_copied":   {http.StatusConflict, "The passkey's counter went back", "there may be a copy of it: replace it with the recovery code"},
		"recovery_refused": {http.StatusUnprocessableEntity, "There is no such account, or the recovery code is wrong", "compare the code with what was written down; letters and hyphens are forgiven"},
		"password_refused": {http.StatusUnprocessableEntity, "There is no such account, or the password is wrong", "try again, sign in with a passkey, or ask for a new password"},
		"password_weak":    {http.StatusUnprocessableEntity, "The password is too easy to guess, or too long", "choose 10 or more characters that are not a common password and not your address"},
		"link_invalid":     {http.StatusUnprocessableEntity, "The letter's link was used, or is too old", "ask for another letter; sign in first to confirm an address"},
		"mail_off":         {http.StatusServiceUnavailable, "No letters are sent here", "sign up with a passkey"},
		"busy":             {http.StatusServiceUnavailable, "Too many passwords are being checked", "try again in a moment"},
		"passkey_required": {http.StatusConflict, "The account has no passkey yet", "add one at POST /v1/account/passkeys; tickets are bound to it"},
		"passkey_exists":   {http.StatusConflict, "The account has a passkey already", "replace it with the recovery code at POST /v1/account/recover"},
		"unknown_session":  {http.StatusNotFound, "There is no such session", "list them at /v1/account/sessions"},
		"tickets_left":     {http.StatusConflict, "The account has a ticket for an event that is not over", "use it, give it away or have it refunded first"},
		"money_due":        {http.StatusConflict, "An order of the account is being paid or refunded", "wait until that is settled"},
		"tokens_left":      {http.StatusConflict, "A token of the account lies in its wallet here", "send it to a wallet elsewhere first; or wait while something is being done with it"},
		"unknown_account":  {http.StatusNotFound, "No account has this address and has confirmed it", "have its owner confirm the address first"},
		"role_unknown":     {http.StatusUnprocessableEntity, "There is no such role", "use attendee, box_office or admin"},
		"work_required":    {http.StatusForbidden, "A proof of work is due", "find one, and send it along; its size stands where this one's subject is described"},
		"too_many_tries":   {http.StatusTooManyRequests, "Too many tries", "wait as long as Retry-After says"},

		// what people prove, and give one another
		"age_required":              {http.StatusForbidden, "The event asks for an age that is not proved", "add a credential about the age; whoever has none goes to the ticket office"},
		"did_required":              {http.StatusConflict, "The account has no identifier of its own", "enrol one at POST /v1/wallet/did"},
		"did_not_proved":            {http.StatusUnprocessableEntity, "The identifier's key did not sign", "use a did:key of P-256, and sign with s in the lower half of the order"},
		"did_taken":                 {http.StatusConflict, "The identifier belongs to another account", "make a new one on this device"},
		"credential_invalid":        {http.StatusUnprocessableEntity, "This is no credential, or not as it was signed", "have it issued again, and send the whole text"},
		"credential_subject":        {http.StatusUnprocessableEntity, "The credential is about somebody else", "have it issued to the identifier of this account"},
		"credential_expired":        {http.StatusUnprocessableEntity, "The credential is not in force", "have it issued again"},
		"credential_revoked":        {http.StatusUnprocessableEntity, "The credential was revoked", "ask its issuer why"},
		"credential_status_unknown": {http.StatusServiceUnavailable, "Whether the credential was revoked is not known", "try again later: its issuer's status list is missing or too old"},
		"issuer_unknown":            {http.StatusUnprocessableEntity, "The issuer is not believed about this", "ask the organiser whose credentials count"},
		"unknown_credential":        {http.StatusNotFound, "There is no such credential", "list them at /v1/wallet/credentials"},
		"relation_missing":          {http.StatusForbidden, "No valid credential says that these two are family", "have the relation certified, and add the credential"},
		"not_transferable":          {http.StatusConflict, "Such a ticket stays with its holder", "paper tickets and accreditations are not given on"},
		"ticket_moved":              {http.StatusConflict, "The ticket has moved already", "ask for the list of tickets again"},
		"ticket_used":               {http.StatusConflict, "The ticket was used", "a used ticket is not given on"},
		"unknown_transfer":          {http.StatusNotFound, "There is no such transfer", "list them at /v1/wallet/transfers"},
		"transfer_closed":           {http.StatusConflict, "The transfer is no longer open", "ask for a new one"},
		"unknown_ask":               {http.StatusNotFound, "There is no such request", "list them at /v1/wallet/asks"},
		"ask_closed":                {http.StatusConflict, "The request is no longer open, or asks for something else", "book what it asks for while it is open, or have it made anew"},
		"too_many_open":             {http.StatusConflict, "Too many of these are open", "end some, or wait until they run out"},

		// orders and payments
		"unknown_order":          {http.StatusNotFound, "There is no such order, or the secret is wrong", "use the id and secret that the hold returned"},
		"hold_expired":           {http.StatusConflict, "The hold has expired; nothing was charged", "hold the place again"},
		"payment_declined":       {http.StatusPaymentRequired, "The payment was declined; nothing was charged", "pay otherwise before the hold expires"},
		"payment_token_invalid":  {http.StatusUnprocessableEntity, "The payment token is not valid", "use the token that the provider's form returned; the sandbox knows ok, declined, timeout-then-ok and refund-timeout"},
		"unknown_provider":       {http.StatusUnprocessableEntity, "There is no such payment provider", "use \"sandbox\" unless the organiser configured another"},
		"unknown_payment":        {http.StatusNotFound, "The order has no such payment", "start one at POST /v1/orders/ORDER/payments"},
		"too_many_payments":      {http.StatusConflict, "Too many payments were begun for this order", "let its hold expire and hold a place again"},
		"already_paid":           {http.StatusConflict, "The order is paid", "look at the order; its tickets are in it"},
		"payment_pending":        {http.StatusConflict, "A payment for this order is in progress", "look at the order again in some seconds"},
		"payment_not_authorised": {http.StatusConflict, "The buyer has not allowed this payment yet", "start it at POST /v1/orders/ORDER/payments, do what the answer says, then confirm it"},
		"payment_unavailable":    {http.StatusServiceUnavailable, "The payment provider does not answer", "try again in a moment; nothing was taken"},
		"amount_not_payable":     {http.StatusUnprocessableEntity, "The provider does not take this amount in this currency", "choose another provider"},
		"webhook_refused":        {http.StatusBadRequest, "This is not the provider's message", "compare the webhook's secret with the provider's, and the clock of this machine"},
		"paid_too_late":          {http.StatusConflict, "The payment came after the hold had expired; the money goes back", "hold a place again"},
		"order_refunded":         {http.StatusConflict, "The order was refunded", "hold a place again"},
		"not_returnable":         {http.StatusConflict, "Orders of this event are not taken back, or no longer", "ask the organiser"},
		"not_paid":               {http.StatusConflict, "The order is not paid, so there is nothing to refund", "let its hold expire"},

		// what an organiser looks at
		"unknown_device":   {http.StatusNotFound, "There is no such device", "list them at /admin/v1/devices"},
		"unknown_incident": {http.StatusNotFound, "There is no such incident", "list them at /admin/v1/incidents"},

		// tickets' tokens
		"mint_off":          {http.StatusNotFound, "Tickets have no tokens here", "there is nothing to do; the ticket is as good without"},
		"unknown_token":     {http.StatusNotFound, "There is no such token", "ask for GET /v1/wallet/tickets/TICKET/token"},
		"token_held":        {http.StatusConflict, "The token cannot be sent yet", "send it once the ticket was used; until then, give the ticket on"},
		"token_busy":        {http.StatusConflict, "Something is being done with the token", "ask for it again in a minute"},
		"token_elsewhere":   {http.StatusConflict, "The token is not in the wallet that is kept here", "send it with the wallet that has it"},
		"address_invalid":   {http.StatusUnprocessableEntity, "This is not the address of a wallet", "copy it from the wallet; a token's or program's address is none"},
		"address_reserved":  {http.StatusUnprocessableEntity, "This address is not a person's own wallet", "use one whose key you have yourself"},
		"wallet_taken":      {http.StatusConflict, "The wallet is linked to another account", "unlink it there first"},
		"wallet_not_proved": {http.StatusUnprocessableEntity, "The wallet did not sign this message", "sign the message exactly as it was given, with the wallet that it names"},
		"wallet_not_linked": {http.StatusConflict, "No wallet is linked", "there is nothing to unlink"},
		"no_proof":          {http.StatusNotFound, "No root on chain has the ticket yet", "ask again when the next set of tickets was published"},

		// whose credentials count
		"issuer_invalid":        {http.StatusUnprocessableEntity, "The issuer cannot be used", "send what \"registrar issuer\" prints"},
		"unknown_issuer":        {http.StatusNotFound, "There is no such issuer", "list them at /admin/v1/issuers"},
		"too_many_issuers":      {http.StatusConflict, "There are too many issuers", "remove one first"},
		"status_list_invalid":   {http.StatusUnprocessableEntity, "The status list cannot be used", "fetch it again from its issuer"},
		"status_list_misplaced": {http.StatusUnprocessableEntity, "The issuer does not name this address for a status list", "add the address to the issuer"},
		"status_list_older":     {http.StatusConflict, "A newer status list is known", "fetch it again from its issuer"},

		// ours
		"timeout":        {http.StatusServiceUnavailable, "The request took too long", "repeat it with the same Idempotency-Key"},
		"unavailable":    {http.StatusServiceUnavailable, "Our database does not answer", "try again in a moment, with the same Idempotency-Key if there was one"},
		"internal_error": {http.StatusInternalServerError, "Something is wrong on our side", "repeat it later; the request id helps us to find it"},
	}
}
