// Verifies a webhook of Sluice. Give it the raw body, before any JSON decoder has touched it.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// How far the sender's clock may differ from ours; older requests may be replays.
const tolerance = 5 * time.Minute

// Verify returns an error when the request is not from the holder of secret (whsec_...).
func Verify(secret, id, timestamp, signatures string, body []byte, now time.Time) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is missing or no number")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return errors.New("webhook-timestamp is too old or in the future")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return errors.New("the secret is no base64")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := mac.Sum(nil)
	// There is more than one signature while a secret is being rotated, and there may be some of other kinds.
	for _, item := range strings.Split(signatures, " ") {
		encoded, found := strings.CutPrefix(item, "v1,")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if found && err == nil && hmac.Equal(given, expected) {
			return nil
		}
	}
	return errors.New("no signature fits")
}

// As a program: the headers from the environment, the body from standard input.
func main() {
	body, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = Verify(os.Getenv("WEBHOOK_SECRET"), os.Getenv("WEBHOOK_ID"), os.Getenv("WEBHOOK_TIMESTAMP"),
			os.Getenv("WEBHOOK_SIGNATURE"), body, time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
