package stripe

import "context"

// TryRefund asks for a refund whatever the payment is like.
func (s *Stripe) TryRefund(ctx context.Context, reference string) error {
	return s.refund(ctx, reference, 0, new(refund))
}
