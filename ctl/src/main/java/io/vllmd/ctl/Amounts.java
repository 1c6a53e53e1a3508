package io.vllmd.ctl;

import java.util.Locale;

/** Bytes and times as people read them. */
final class Amounts {
    private Amounts() {}

    /** Such as 512 B, 15.6 MB, 4.1 GB: powers of ten, as disks and Macs count. */
    static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double amount = bytes;
        int unit = -1;
        while (amount >= 999.95 && unit < 4) {
            amount /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %cB", amount, "kMGTP".charAt(unit));
    }

    /** Such as 87 %. */
    static String percent(double share) {
        return Math.round(share * 100) + " %";
    }

    /** Such as 42 s, 3 min 5 s, 2 h 7 min, 4 d 1 h. */
    static String seconds(long seconds) {
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return seconds / 60 + " min " + seconds % 60 + " s";
        }
        if (seconds < 86400) {
            return seconds / 3600 + " h " + seconds % 3600 / 60 + " min";
        }
        return seconds / 86400 + " d " + seconds % 86400 / 3600 + " h";
    }
}
