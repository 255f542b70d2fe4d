package repo

import (
	"bytes"
	"fmt"
	"image/png"
	"log"

	qr "github.com/piglig/go-qr"
)

// A QR code for docs/invitations.md, read again.
func Example_qrCode() {
	page := "https://www.example.com/meeting/4PDXN2K7QZ"
	var file bytes.Buffer

	code, err := qr.EncodeText(page, qr.Medium)
	if err != nil {
		log.Fatal(err) // the text is too long
	}
	if err := code.WriteAsPNG(qr.NewQrCodeImgConfig(8, 4), &file); err != nil { // pixels a module, modules of margin
		log.Fatal(err)
	}

	image, err := png.Decode(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Bounds())
	fmt.Println(qr.Decode(image))
	// Output:
	// (0,0)-(296,296)
	// https://www.example.com/meeting/4PDXN2K7QZ <nil>
}
