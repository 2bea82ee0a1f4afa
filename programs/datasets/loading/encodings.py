"""The encodings of text that the readers know."""

ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "iso-8859-2", "iso-8859-15",
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "mac-roman", "cp437",
    "cp850", "shift-jis", "cp932", "euc-jp", "gb18030", "gbk", "big5", "euc-kr", "koi8-r",
)  # fmt: skip
LIKELY = ("cp1252", "mac-roman", "cp1250", "cp850")
"""What spreadsheets of Europe and America write; shown with how each would read a byte that is no UTF-8."""
