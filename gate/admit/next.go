package admit

import "github.com/con-ting/conting/sync/ticket"

// NextFor returns what usually helps for a reason. A rule that knows better, a
// gate to go to for instance, says so itself.
func NextFor(r ticket.Reason) Next {
	switch r {
	case ticket.OK, ticket.ConfirmedByStaff:
		return NextNone
	case ticket.Malformed:
		return NextShowTicket
	case ticket.StalePass, ticket.NonceUnknown, ticket.LeaseLapsed:
		return NextRefresh
	case ticket.FuturePass:
		return NextSetClock
	case ticket.NotUserVerified:
		return NextVerify
	case ticket.ChallengeRequired:
		return NextAnswer
	case ticket.TooEarly, ticket.PassBack:
		return NextWait
	case ticket.WrongZone, ticket.WrongGate, ticket.GateFull:
		return NextOtherGate
	case ticket.Revoked, ticket.Refunded, ticket.Transferred, ticket.UnknownTicket, ticket.WrongEvent:
		return NextSales
	case ticket.StorageFault, ticket.LaneFault:
		return NextAgain
	case ticket.BadSignature, ticket.TooLate, ticket.AlreadyAdmitted, ticket.Blocked,
		ticket.HolderMismatch, ticket.FormNotAllowed, ticket.AccreditationMissing,
		ticket.CredentialInvalid, ticket.CredentialExpired, ticket.CredentialRevoked, ticket.IssuerUnknown,
		ticket.CredentialShown, ticket.AgeUnproven, ticket.IDCheck,
		ticket.Attention, ticket.ReferToStaff, ticket.NoSet, ticket.SetExpired, ticket.ClockUncertain:
		return NextStaff
	}
	return NextStaff
}
