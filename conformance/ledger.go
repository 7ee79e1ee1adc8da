package conformance

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Made is one thing that a run made at the target and has to take away again.
type Made struct {
	Kind string `json:"kind"` // "key" or "object"
	ID   string `json:"id"`   // of a key: the provisioner's name for it
	// Path is the path of an object, below the target's address.
	Path string `json:"path,omitempty"`
	Name string `json:"name"` // carries the run's id
}

// A Ledger remembers what was made until it is gone, so that a run that ends before its time
// can be cleaned up after. It may be used concurrently.
type Ledger interface {
	// Made is called before the thing is made where its id is known, else right after.
	Made(Made) error
	Gone(Made) error
}

// forgetful is the ledger of a run whose target ends with it.
type forgetful struct{}

func (forgetful) Made(Made) error { return nil }
func (forgetful) Gone(Made) error { return nil }

// cleanupTimeout bounds the cleaning up after a run, which happens even when the run was
// interrupted.
const cleanupTimeout = 30 * time.Second

// A debt is what there is to take away, and how.
type debt struct {
	made   Made
	redeem func(context.Context) error
}

// debts are the things that one run has to take away.
type debts struct {
	mu     sync.Mutex
	ledger Ledger
	open   []debt
	failed []string // what could not be taken away
}

// owe notes a thing that was made.
func (d *debts) owe(m Made, redeem func(context.Context) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = append(d.open, debt{m, redeem})
	if err := d.ledger.Made(m); err != nil {
		return fmt.Errorf("writing the ledger: %w", err)
	}
	return nil
}

// paid notes that a thing is gone already.
func (d *debts) paid(m Made) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = slices.DeleteFunc(d.open, func(o debt) bool { return o.made == m })
	return d.ledger.Gone(m)
}

// settle takes everything away, the last that was made first.
func (d *debts) settle(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	for _, o := range slices.Backward(d.open) {
		err := o.redeem(ctx)
		if err == nil {
			err = d.ledger.Gone(o.made)
		}
		if err != nil {
			d.failed = append(d.failed, fmt.Sprintf("%s %s: %v", o.made.Kind, o.made.Name, err))
		}
	}
	d.open = nil
}
