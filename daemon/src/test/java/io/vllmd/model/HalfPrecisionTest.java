package io.vllmd.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vllmd.mlx.Dtype;
import org.junit.jupiter.api.Test;

class HalfPrecisionTest {

    @Test
    void aBfloat16BetweenFloat16sLimitsKeepsItsValue() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = HalfPrecision.widen((short) bits, Dtype.BFLOAT16);
            if (Math.abs(value) >= 6.2e-5f && Math.abs(value) <= 65_504) {
                assertEquals(value, HalfPrecision.widen(HalfPrecision.narrow(value), Dtype.FLOAT16), "bits " + bits);
            }
        }
    }

    @Test
    void whatFloat16CannotHoldBecomesItsLargestAndNeverInfinite() {
        assertEquals(65_504, HalfPrecision.widen(HalfPrecision.narrow(1e30f), Dtype.FLOAT16));
        assertEquals(-65_504, HalfPrecision.widen(HalfPrecision.narrow(-70_000), Dtype.FLOAT16));
        float infinite = Float.NEGATIVE_INFINITY;
        assertEquals(infinite, HalfPrecision.widen(HalfPrecision.narrow(infinite), Dtype.FLOAT16));
    }
}
