package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/con-ting/conting/central/pay"
	"github.com/con-ting/conting/central/sale"
)

// Payer is the part of the sale that takes money in steps.
type Payer interface {
	Providers() []string
	StartPayment(ctx context.Context, id, secret, provider string) (sale.Started, error)
	ConfirmPayment(ctx context.Context, id, secret, payment, token string) (sale.Order, error)
	CancelPayment(ctx context.Context, id, secret, payment string) (sale.Order, error)
	Webhook(ctx context.Context, provider string, header http.Header, body []byte) error
}

// paymentRoutes are for buyers, who have an order's secret, and for providers, who
// have nothing: what they post is only a reason to ask them.
func (a *API) paymentRoutes(v1 *gin.RouterGroup) {
	v1.GET("/payments", a.answer(a.providers))
	v1.POST("/payments/:provider/webhook", a.webhook)
	v1.POST("/orders/:order/payments", a.answer(a.startPayment))
	v1.POST("/orders/:order/payments/:payment/confirm", a.answer(a.confirmPayment))
	v1.POST("/orders/:order/payments/:payment/cancel", a.answer(a.cancelPayment))
}

func (a *API) providers(context.Context, *gin.Context) (int, any, error) {
	return http.StatusOK, gin.H{"providers": a.cfg.Till.Providers()}, nil
}

type startBody struct {
	Provider string `json:"provider"`
}

type paymentView struct {
	ID       string     `json:"id"`
	Provider string     `json:"provider"`
	Amount   int64      `json:"amount"`
	Currency string     `json:"currency"`
	Action   actionView `json:"action"`
}

// actionView is what the buyer's browser has to do.
type actionView struct {
	Kind   string            `json:"kind"`
	Secret string            `json:"secret,omitempty"`
	URL    string            `json:"url,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
}

// startPayment needs no Idempotency-Key, and its answer, which has the provider's
// secret for this buyer, is kept nowhere: to start again is to get the same.
func (a *API) startPayment(ctx context.Context, c *gin.Context) (int, any, error) {
	secret, err := orderSecret(c)
	if err != nil {
		return 0, nil, err
	}
	var b startBody
	if err := decode(c, &b); err != nil {
		return 0, nil, err
	}
	s, err := a.cfg.Till.StartPayment(ctx, c.Param("order"), secret, b.Provider)
	if err != nil {
		return 0, nil, err
	}
	p := s.Payment
	return http.StatusOK, paymentView{ID: p.ID, Provider: p.Provider, Amount: p.Amount, Currency: p.Currency, Action: actionView{
		Kind: string(s.Action.Kind), Secret: s.Action.Secret, URL: s.Action.URL, Fields: s.Action.Fields,
	}}, nil
}

type confirmBody struct {
	Token string `json:"token"`
}

// confirmPayment answers 202 while the provider has not said what came of it.
func (a *API) confirmPayment(ctx context.Context, c *gin.Context) (int, any, error) {
	var b confirmBody
	secret, err := paying(c, &b, &b.Token)
	if err != nil {
		return 0, nil, err
	}
	o, err := a.cfg.Till.ConfirmPayment(ctx, c.Param("order"), secret, c.Param("payment"), b.Token)
	return a.paid(ctx, c, secret, o, err)
}

// paying reads what takes money: the order's secret, and a body with a provider's token.
func paying(c *gin.Context, body any, token *string) (secret string, err error) {
	if secret, err = orderSecret(c); err != nil {
		return "", err
	}
	if err := decode(c, body); err != nil {
		return "", err
	}
	if len(*token) > pay.MaxToken {
		return "", pay.ErrBadToken
	}
	return secret, nil
}

// paid is the answer to a request that takes money.
func (a *API) paid(ctx context.Context, c *gin.Context, secret string, o sale.Order, err error) (int, any, error) {
	status := http.StatusOK
	if errors.Is(err, sale.ErrPaymentPending) {
		status = http.StatusAccepted
		c.Header("Retry-After", "2")
		o, err = a.cfg.Till.Order(ctx, c.Param("order"), secret)
	}
	if err != nil {
		return 0, nil, err
	}
	return status, a.viewOrder(&o), nil
}

func (a *API) cancelPayment(ctx context.Context, c *gin.Context) (int, any, error) {
	secret, err := orderSecret(c)
	if err != nil {
		return 0, nil, err
	}
	o, err := a.cfg.Till.CancelPayment(ctx, c.Param("order"), secret, c.Param("payment"))
	return a.paid(ctx, c, secret, o, err)
}

// webhook takes what a provider posts. Success tells it not to post it again.
func (a *API) webhook(c *gin.Context) {
	ctx := c.Request.Context()
	body, err := readBody(c, pay.MaxWebhook)
	if err == nil {
		err = a.cfg.Till.Webhook(ctx, c.Param("provider"), c.Request.Header, body)
	}
	if errors.Is(err, sale.ErrUnknownProvider) {
		err = codeError("not_found")
	}
	if errors.Is(err, pay.ErrForged) { // at this level, because anybody can cause it
		a.cfg.Logger.DebugContext(ctx, "webhook refused", slog.String("request_id", requestID(c)), slog.String("error", err.Error()))
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}
